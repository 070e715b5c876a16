/* Loaded before libc: a machine whose disk takes no more data, and whose clock is set, as files in a directory say. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* The path of a file in the directory that MQ_TEST_FAULTS names. */
static int named(char *path, size_t size, const char *name) {
    const char *directory = getenv("MQ_TEST_FAULTS");
    return directory && snprintf(path, size, "%s/%s", directory, name) < (int)size;
}

/* While the file "failing-disk" exists no data reaches the disk. */
static int sync_by(const char *function, int file) {
    char path[4096];
    if (named(path, sizeof path, "failing-disk") && access(path, F_OK) == 0) {
        errno = EIO;
        return -1;
    }
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, function);
    return real(file);
}

int fsync(int file) { return sync_by("fsync", file); }
int fdatasync(int file) { return sync_by("fdatasync", file); }

/* The wall clock is off by as many seconds as the file "clock-offset" says. */
static long offset(void) {
    char path[4096], text[32] = "0";
    if (!named(path, sizeof path, "clock-offset")) return 0;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    text[length < 0 ? 0 : length] = 0;
    return atol(text);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, time);
    if (result == 0 && clock == CLOCK_REALTIME) time->tv_sec += offset();
    return result;
}
