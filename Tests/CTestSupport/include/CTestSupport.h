#pragma once

/// A connection to a port of 127.0.0.1 whose reads give up after ten seconds; -1 with errno.
int test_connect(int port);

/// The same to a Unix socket.
int test_connect_path(const char *path);
