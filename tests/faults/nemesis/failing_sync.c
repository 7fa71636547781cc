/* fsync and fdatasync that fail with EIO while the file named by FAILING_SYNC exists; FAILING_SYNC.hit says that they did. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int fails(void) {
    const char *path = getenv("FAILING_SYNC");
    char hit[4096];
    int file;
    if (!path || access(path, F_OK) != 0)
        return 0;
    if (snprintf(hit, sizeof hit, "%s.hit", path) < (int)sizeof hit && (file = open(hit, O_CREAT | O_WRONLY, 0666)) >= 0)
        close(file);
    errno = EIO;
    return 1;
}

int fsync(int file) {
    static int (*real)(int);
    if (!real)
        real = dlsym(RTLD_NEXT, "fsync");
    return fails() ? -1 : real(file);
}

int fdatasync(int file) {
    static int (*real)(int);
    if (!real)
        real = dlsym(RTLD_NEXT, "fdatasync");
    return fails() ? -1 : real(file);
}
