#ifndef BENCHMARK_RAW_H
#define BENCHMARK_RAW_H
#include <stddef.h>
#include <stdint.h>

/// OpenSSL as fast as it can be used from C, with nothing around it: the yardstick.
///
/// One key with contexts that are prepared once and used again. All functions that can fail return 1 for success. Not for use by
/// two threads at once.
typedef struct raw_key raw_key;

/// From a private key in PEM, RSA (PKCS #1 v1.5 with SHA-256) or EC (ECDSA with SHA-256). NULL when it cannot be read.
raw_key *raw_key_open(const uint8_t *pem, size_t length);

/// Hashes and signs a message `count` times. The last signature stays in the key for raw_verify.
int raw_sign(raw_key *key, const uint8_t *message, size_t length, size_t count);

/// Hashes a message and verifies the last signature `count` times.
int raw_verify(raw_key *key, const uint8_t *message, size_t length, size_t count);

/// SHA-256 of a message, `count` times.
int raw_sha256(raw_key *key, const uint8_t *message, size_t length, size_t count);

#endif
