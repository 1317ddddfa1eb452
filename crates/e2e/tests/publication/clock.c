/* A program that is started with this preloaded sees a clock that is CLOCK_AHEAD seconds ahead. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    long status = syscall(SYS_clock_gettime, clock, time);
    const char *ahead = getenv("CLOCK_AHEAD");
    if (status == 0 && clock == CLOCK_REALTIME && ahead)
        time->tv_sec += atol(ahead);
    return (int)status;
}
