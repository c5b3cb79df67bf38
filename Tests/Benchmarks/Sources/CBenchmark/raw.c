#include "benchmark_raw.h"
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

struct raw_key {
    EVP_PKEY_CTX *sign;
    EVP_PKEY_CTX *verify;
    EVP_MD_CTX *hash;
    EVP_MD *sha256;
    uint8_t signature[1024];
    size_t signature_length;
};

static int prepare(EVP_PKEY_CTX *context, EVP_PKEY *key, const EVP_MD *sha256) {
    if (EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) != 1) return 0;
    return EVP_PKEY_CTX_set_signature_md(context, sha256) == 1;
}

// What is made here stays until the process ends, also when it is not complete.
raw_key *raw_key_open(const uint8_t *pem, size_t length) {
    raw_key *raw = OPENSSL_zalloc(sizeof *raw);
    BIO *bio = BIO_new_mem_buf(pem, (int)length);
    if (raw == NULL || bio == NULL) return NULL;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    raw->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    raw->hash = EVP_MD_CTX_new();
    if (key == NULL || raw->sha256 == NULL || raw->hash == NULL) return NULL;
    raw->sign = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    raw->verify = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (raw->sign == NULL || raw->verify == NULL) return NULL;
    if (EVP_PKEY_sign_init(raw->sign) != 1 || !prepare(raw->sign, key, raw->sha256)) return NULL;
    if (EVP_PKEY_verify_init(raw->verify) != 1 || !prepare(raw->verify, key, raw->sha256)) return NULL;
    return raw;
}

static int digest(raw_key *key, const uint8_t *message, size_t length, uint8_t *digest) {
    return EVP_DigestInit_ex2(key->hash, key->sha256, NULL) == 1 && EVP_DigestUpdate(key->hash, message, length) == 1
        && EVP_DigestFinal_ex(key->hash, digest, NULL) == 1;
}

int raw_sign(raw_key *key, const uint8_t *message, size_t length, size_t count) {
    uint8_t hash[EVP_MAX_MD_SIZE];
    while (count-- > 0) {
        key->signature_length = sizeof key->signature;
        if (!digest(key, message, length, hash)) return 0;
        if (EVP_PKEY_sign(key->sign, key->signature, &key->signature_length, hash, 32) != 1) return 0;
    }
    return 1;
}

int raw_verify(raw_key *key, const uint8_t *message, size_t length, size_t count) {
    uint8_t hash[EVP_MAX_MD_SIZE];
    while (count-- > 0) {
        if (!digest(key, message, length, hash)) return 0;
        if (EVP_PKEY_verify(key->verify, key->signature, key->signature_length, hash, 32) != 1) return 0;
    }
    return 1;
}

int raw_sha256(raw_key *key, const uint8_t *message, size_t length, size_t count) {
    uint8_t hash[EVP_MAX_MD_SIZE];
    while (count-- > 0) {
        if (!digest(key, message, length, hash)) return 0;
    }
    return 1;
}
