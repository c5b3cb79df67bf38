/* Preloaded into the load generator: waits for events without sleep for a while, before it waits as it would.
 *
 * A load generator that has slept is woken by whoever sends it something. Here that is the issuer's core, with an interrupt to
 * another virtual processor, for each token: time that a caller on another machine would not take from it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <time.h>

/* Far longer than the next answer is away. Threads that have nothing to do sleep after it. */
static const long long awake = 2000000;

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int epoll_wait(int descriptor, struct epoll_event *events, int most, int timeout) {
    static int (*wait)(int, struct epoll_event *, int, int);
    if (wait == NULL) wait = (int (*)(int, struct epoll_event *, int, int))dlsym(RTLD_NEXT, "epoll_wait");
    if (timeout == 0) return wait(descriptor, events, most, 0);
    long long end = now() + awake;
    do {
        int ready = wait(descriptor, events, most, 0);
        if (ready != 0) return ready;
    } while (now() < end);
    return wait(descriptor, events, most, timeout);
}
