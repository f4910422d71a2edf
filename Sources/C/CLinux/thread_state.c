#include "clinux.h"

__thread struct ferry_thread_state ferry_thread_state_storage;
int ferry_threads_with_context;

/* Set in the child of a fork that happened after ferry_watch_forks(): the session of the parent
 * may not be used there, as with the real driver. A plain flag, because getpid() is a system call
 * and this is asked in every call. */
__attribute__((visibility("hidden"))) volatile int ferry_is_forked_child;

/* A connection that only the parent may keep open: were it inherited, the server would not notice
 * the parent's death while a child lives. -1 for none. */
static volatile int parents_connection = -1;

static volatile int is_watching;

__attribute__((visibility("hidden"))) void *ferry_live_session_storage;

/* Makes a child forget the parent's connection, while nothing was made over it. */
static void (*volatile renew)(void);

static void in_child(void) {
  if (!is_watching && !renew) return;
  ferry_set_live_session(NULL);
  if (parents_connection >= 0) close(parents_connection);
  parents_connection = -1;
  if (is_watching) {
    ferry_is_forked_child = 1;
  } else {
    renew();
  }
}

static void register_in_child(void) {
  static volatile int is_registered;
  if (!__sync_lock_test_and_set(&is_registered, 1)) pthread_atfork(NULL, NULL, in_child);
}

__attribute__((visibility("hidden"))) void ferry_close_in_child(int descriptor) {
  parents_connection = descriptor;
}

void ferry_watch_forks(void) {
  is_watching = 1;
  register_in_child();
}

__attribute__((visibility("hidden"))) void ferry_renew_in_child(void (*body)(void)) {
  renew = body;
  register_in_child();
}

__attribute__((visibility("hidden"))) void ferry_ignore_forks(void) { is_watching = 0; }

static void *enter_thread(void *raw) {
  struct ferry_thread_start start = *(struct ferry_thread_start *)raw;
  free(raw);
  start.main(start.argument);
  return NULL;
}

/* Starts a detached thread; 0 or an error number. */
__attribute__((visibility("hidden"))) int ferry_start_thread(void (*main)(void *), void *argument) {
  struct ferry_thread_start *start = malloc(sizeof *start);
  if (!start) return ENOMEM;
  start->main = main;
  start->argument = argument;
  pthread_t thread;
  int status = pthread_create(&thread, NULL, enter_thread, start);
  if (status != 0) {
    free(start);
    return status;
  }
  return pthread_detach(thread);
}
