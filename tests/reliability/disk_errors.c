/* Makes the n-th call of a function fail for files below a folder, as a failing disk does.
 *
 * Preloaded before the C library (LD_PRELOAD). The process arms it itself: arm("fsync", 3, EIO).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char armed[16];
static char folder[4096];
static int left = 0;
static int number = EIO;
static int struck = 0;

void arm(const char *name, const char *below, int nth, int error) {
    snprintf(armed, sizeof armed, "%s", name);
    snprintf(folder, sizeof folder, "%s", below);
    left = nth;
    number = error;
    struck = 0;
}

int was_struck(void) { return struck; }

static int strikes(const char *name, const char *path) {
    if (strcmp(armed, name) != 0 || strstr(path, folder) == NULL || --left != 0) return 0;
    struck = 1;
    errno = number;
    return 1;
}

static int strikes_at(const char *name, int descriptor) {
    char link[64], path[4096];
    ssize_t length;
    if (strcmp(armed, name) != 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strikes(name, path);
}

int fsync(int descriptor) {
    static int (*real)(int);
    if (!real) real = dlsym(RTLD_NEXT, "fsync");
    return strikes_at("fsync", descriptor) ? -1 : real(descriptor);
}

/* The file is closed all the same, as Linux does. */
int close(int descriptor) {
    static int (*real)(int);
    int fails = strikes_at("close", descriptor), error = errno;
    if (!real) real = dlsym(RTLD_NEXT, "close");
    real(descriptor);
    errno = error;
    return fails ? -1 : 0;
}

ssize_t write(int descriptor, const void *bytes, size_t size) {
    static ssize_t (*real)(int, const void *, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "write");
    return strikes_at("write", descriptor) ? -1 : real(descriptor, bytes, size);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t size, off_t at) {
    static ssize_t (*real)(int, const void *, size_t, off_t);
    if (!real) real = dlsym(RTLD_NEXT, "pwrite");
    return strikes_at("write", descriptor) ? -1 : real(descriptor, bytes, size, at);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t size, off_t at) {
    static ssize_t (*real)(int, const void *, size_t, off_t);
    if (!real) real = dlsym(RTLD_NEXT, "pwrite64");
    return strikes_at("write", descriptor) ? -1 : real(descriptor, bytes, size, at);
}

int rename(const char *from, const char *to) {
    static int (*real)(const char *, const char *);
    if (!real) real = dlsym(RTLD_NEXT, "rename");
    return strikes("rename", to) ? -1 : real(from, to);
}

int link(const char *from, const char *to) {
    static int (*real)(const char *, const char *);
    if (!real) real = dlsym(RTLD_NEXT, "link");
    return strikes("link", to) ? -1 : real(from, to);
}
