/* Writes down what a program does to the files of one folder, in the order in which it happens.
 *
 * Preloaded (LD_PRELOAD), with RECORD_FOLDER and RECORD_LOG in the environment. Each record is a
 * header (see `struct record`), a path or data, and for two paths the second one. The real call is
 * made and its record written under one mutex, so that the order is the true one.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_DESCRIPTOR 4096

struct record {
    char kind;
    char padding[3];
    int32_t descriptor;
    int64_t number; /* An offset, a size, or the flags of an open. */
    int64_t first;  /* The lengths of what follows. */
    int64_t second;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char tracked[MAX_DESCRIPTOR];
static const char *folder;
static int log_descriptor = -1;

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static void start(void)
{
    if (folder) return;
    REAL(int, "open", const char *, int, ...);
    log_descriptor = real(getenv("RECORD_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    folder = getenv("RECORD_FOLDER");
    if (log_descriptor < 0 || !folder) abort();
}

static void record(char kind, int descriptor, int64_t number, const void *first, int64_t length,
                   const char *second)
{
    struct record head = {kind, {0}, descriptor, number, length, second ? strlen(second) : 0};
    struct iovec parts[] = {
        {&head, sizeof head}, {(void *)first, length}, {(void *)second, head.second}};
    if (writev(log_descriptor, parts, 3) != (ssize_t)sizeof head + length + head.second) abort();
}

static int is_ours(const char *path)
{
    start();
    return !strncmp(path, folder, strlen(folder));
}

static int is_tracked(int descriptor)
{
    return descriptor >= 0 && descriptor < MAX_DESCRIPTOR && tracked[descriptor];
}

static int opened(int descriptor, const char *path, int flags)
{
    if (descriptor >= 0 && descriptor < MAX_DESCRIPTOR) {
        tracked[descriptor] = is_ours(path) && !(flags & O_PATH);
        if (tracked[descriptor]) record('O', descriptor, flags, path, strlen(path), NULL);
    }
    return descriptor;
}

#define MODE(flags) \
    va_list rest; \
    va_start(rest, flags); \
    int mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, int) : 0; \
    va_end(rest)

#define OPEN(name) \
    int name(const char *path, int flags, ...) \
    { \
        REAL(int, #name, const char *, int, ...); \
        MODE(flags); \
        pthread_mutex_lock(&mutex); \
        int result = opened(real(path, flags, mode), path, flags); \
        pthread_mutex_unlock(&mutex); \
        return result; \
    }

#define OPENAT(name) \
    int name(int base, const char *path, int flags, ...) \
    { \
        REAL(int, #name, int, const char *, int, ...); \
        MODE(flags); \
        pthread_mutex_lock(&mutex); \
        int result = opened(real(base, path, flags, mode), path, flags); \
        pthread_mutex_unlock(&mutex); \
        return result; \
    }

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int close(int descriptor)
{
    REAL(int, "close", int);
    pthread_mutex_lock(&mutex);
    if (is_tracked(descriptor)) tracked[descriptor] = 0;
    int result = real(descriptor);
    pthread_mutex_unlock(&mutex);
    return result;
}

ssize_t write(int descriptor, const void *data, size_t length)
{
    REAL(ssize_t, "write", int, const void *, size_t);
    if (!is_tracked(descriptor)) return real(descriptor, data, length);
    pthread_mutex_lock(&mutex);
    off_t at = lseek(descriptor, 0, SEEK_CUR);
    ssize_t result = real(descriptor, data, length);
    if (result > 0) record('W', descriptor, at, data, result, NULL);
    pthread_mutex_unlock(&mutex);
    return result;
}

#define PWRITE(name, offset_type) \
    ssize_t name(int descriptor, const void *data, size_t length, offset_type at) \
    { \
        REAL(ssize_t, #name, int, const void *, size_t, offset_type); \
        if (!is_tracked(descriptor)) return real(descriptor, data, length, at); \
        pthread_mutex_lock(&mutex); \
        ssize_t result = real(descriptor, data, length, at); \
        if (result > 0) record('W', descriptor, at, data, result, NULL); \
        pthread_mutex_unlock(&mutex); \
        return result; \
    }

PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define TRUNCATE(name, offset_type) \
    int name(int descriptor, offset_type size) \
    { \
        REAL(int, #name, int, offset_type); \
        if (!is_tracked(descriptor)) return real(descriptor, size); \
        pthread_mutex_lock(&mutex); \
        int result = real(descriptor, size); \
        if (!result) record('T', descriptor, size, NULL, 0, NULL); \
        pthread_mutex_unlock(&mutex); \
        return result; \
    }

TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

/* The sync itself is left out: what it would have brought to the disk is the replayer's to say. */
#define SYNC(name) \
    int name(int descriptor) \
    { \
        REAL(int, #name, int); \
        if (!is_tracked(descriptor)) return real(descriptor); \
        pthread_mutex_lock(&mutex); \
        record('S', descriptor, 0, NULL, 0, NULL); \
        pthread_mutex_unlock(&mutex); \
        return 0; \
    }

SYNC(fsync)
SYNC(fdatasync)

#define NAMES(name, kind) \
    int name(const char *from, const char *to) \
    { \
        REAL(int, #name, const char *, const char *); \
        pthread_mutex_lock(&mutex); \
        int result = real(from, to); \
        if (!result && is_ours(from)) record(kind, -1, 0, from, strlen(from), to); \
        pthread_mutex_unlock(&mutex); \
        return result; \
    }

NAMES(rename, 'R')
NAMES(link, 'L')

int unlink(const char *path)
{
    REAL(int, "unlink", const char *);
    pthread_mutex_lock(&mutex);
    int result = real(path);
    if (!result && is_ours(path)) record('U', -1, 0, path, strlen(path), NULL);
    pthread_mutex_unlock(&mutex);
    return result;
}
