/* Loaded before libc: while the file that MQ_TEST_FAILING_DISK names exists, no data reaches the disk. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int failing(void) {
    const char *flag = getenv("MQ_TEST_FAILING_DISK");
    return flag && access(flag, F_OK) == 0;
}

static int sync_by(const char *name, int file) {
    if (failing()) {
        errno = EIO;
        return -1;
    }
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    return real(file);
}

int fsync(int file) { return sync_by("fsync", file); }
int fdatasync(int file) { return sync_by("fdatasync", file); }
