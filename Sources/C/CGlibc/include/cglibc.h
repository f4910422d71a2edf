/* Nothing to call: linking this target makes what it is linked into run on an older glibc than
 * that of the machine that builds it. See old_versions.c. */
#ifndef FERRY_CGLIBC_H
#define FERRY_CGLIBC_H
#endif
