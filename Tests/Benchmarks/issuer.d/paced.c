/* What a core can do at most at a rate: one RSA-2048 signature at each of the moments when a token would be due, and nothing else.
 *
 *     paced RATE SECONDS
 *
 * Prints the 50th and the 99th percentile of the microseconds from when a signature was due to its end. What it is later than a
 * signature takes was taken by the machine.
 */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int byValue(const void *left, const void *right) {
    long long a = *(const long long *)left, b = *(const long long *)right;
    return (a > b) - (a < b);
}

int main(int count, char **arguments) {
    long rate = count == 3 ? atol(arguments[1]) : 0, seconds = count == 3 ? atol(arguments[2]) : 0;
    if (rate < 1 || rate > 1000000 || seconds < 1 || seconds > 3600) return fprintf(stderr, "usage: paced RATE SECONDS\n"), 2;
    size_t all = (size_t)(rate * seconds);
    long long *late = malloc(all * sizeof *late);
    EVP_PKEY *key = EVP_RSA_gen(2048);
    EVP_PKEY_CTX *context = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    if (!late || !context || EVP_PKEY_sign_init(context) < 1 || EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) < 1
        || EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) < 1)
        return fprintf(stderr, "OpenSSL cannot sign\n"), 1;
    unsigned char digest[32] = {1}, signature[256];
    long long start = now();
    for (size_t index = 0; index < all; index++) {
        long long due = start + (long long)index * 1000000000LL / rate;
        while (now() < due) {}
        size_t length = sizeof signature;
        if (EVP_PKEY_sign(context, signature, &length, digest, sizeof digest) < 1) return 1;
        late[index] = now() - due;
    }
    qsort(late, all, sizeof *late, byValue);
    printf("%.1f %.1f\n", late[all / 2] / 1e3, late[all - 1 - all / 100] / 1e3);
    return 0;
}
