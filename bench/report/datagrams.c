/* Both ends of the socket, as little as there can be.
 *
 *   datagrams send SOCKET COUNT DOMAINS FAILURES RATE
 *       sends COUNT sessions with one of DOMAINS domains each, FAILURES of 100 with a failure; RATE of
 *       them in a second without waiting, as libtlsrpt does, or with RATE 0 as fast as they are
 *       taken; with RATE -1 without waiting and without a pause. Prints how many were taken.
 *   datagrams drain SOCKET
 *       takes what comes, 64 at a time, and does nothing with it, until SIGTERM. Prints how many.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stopping;
static void stop(int number) { (void)number; stopping = 1; }

static struct sockaddr_un address(const char *path) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    strncpy(to.sun_path, path, sizeof to.sun_path - 1);
    return to;
}

static uint64_t mix(uint64_t n) {
    n += 0x9E3779B97F4A7C15u;
    n = (n ^ (n >> 30)) * 0xBF58476D1CE4E5B9u;
    n = (n ^ (n >> 27)) * 0x94D049BB133111EBu;
    return n ^ (n >> 31);
}

/* As libtlsrpt writes it for Postfix. */
static int session(char *text, size_t room, uint64_t number, uint64_t domains, uint64_t failures) {
    uint64_t domain = mix(number) % domains;
    int length = snprintf(text, room,
        "{\"dpv\": \"1\",\"d\": \"d%lu.example\",\"pr\": \"v=TLSRPTv1; rua=mailto:tls@d%lu.example\","
        "\"policies\":[{\"policy-type\":2,\"policy-domain\": \"d%lu.example\",\"policy-string\":"
        "[\"version: STSv1\",\"mode: enforce\",\"mx: *.d%lu.example\",\"max_age: 604800\"],"
        "\"mx-host\":[\"*.d%lu.example\"],", domain, domain, domain, domain, domain);
    if (mix(number ^ 0x55) % 100 < failures)
        length += snprintf(text + length, room - length,
            "\"failure-details\":[{\"c\":203,\"s\": \"192.0.2.10\",\"n\": \"mx.d%lu.example\",\"h\": "
            "\"250-mx.d%lu.example\\r\\n250-PIPELINING\\r\\n250-STARTTLS\\r\\n250 8BITMIME\",\"r\": "
            "\"198.51.100.7\",\"f\": \"self-signed_certificate\"}],\"t\":1,\"f\":1}]}", domain, domain);
    else
        length += snprintf(text + length, room - length, "\"t\":0,\"f\":0}]}");
    return length;
}

static int send_all(char **words) {
    struct sockaddr_un to = address(words[0]);
    uint64_t count = strtoull(words[1], NULL, 10), domains = strtoull(words[2], NULL, 10);
    uint64_t failures = strtoull(words[3], NULL, 10), taken = 0;
    double rate = atof(words[4]);
    int flags = rate == 0 ? 0 : MSG_DONTWAIT;
    int from = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (uint64_t number = 0; number < count; number++) {
        char text[2048];
        int length = session(text, sizeof text, number, domains, failures);
        if (rate > 0) {
            uint64_t due = start.tv_nsec + (uint64_t)(number / rate * 1e9);
            struct timespec at = {start.tv_sec + due / 1000000000u, due % 1000000000u};
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
        }
        if (sendto(from, text, length, flags, (struct sockaddr *)&to, sizeof to) >= 0)
            taken++;
        else if (errno != EAGAIN) {
            perror("sendto");
            return 1;
        }
    }
    printf("%lu\n", taken);
    return 0;
}

static int drain(const char *path) {
    enum { BATCH = 64, ROOM = 4096 };
    static char room[BATCH][ROOM];
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH] = {0};
    struct sockaddr_un at = address(path);
    int to = socket(AF_UNIX, SOCK_DGRAM, 0);
    uint64_t taken = 0;
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){room[i], ROOM};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    if (bind(to, (struct sockaddr *)&at, sizeof at)) {
        perror("bind");
        return 1;
    }
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGTERM, &action, NULL);
    while (!stopping) {
        struct pollfd ready = {to, POLLIN, 0};
        if (poll(&ready, 1, 1000) <= 0)
            continue;
        int more;
        while ((more = recvmmsg(to, messages, BATCH, MSG_DONTWAIT, NULL)) > 0)
            taken += more;
    }
    printf("%lu\n", taken);
    return 0;
}

int main(int count, char **words) {
    if (count == 7 && !strcmp(words[1], "send"))
        return send_all(words + 2);
    if (count == 3 && !strcmp(words[1], "drain"))
        return drain(words[2]);
    fputs("usage: datagrams send SOCKET COUNT DOMAINS FAILURES RATE | drain SOCKET\n", stderr);
    return 2;
}
