#ifndef COUNTERSIGN_COPENSSL_SHIM_H
#define COUNTERSIGN_COPENSSL_SHIM_H

// OpenSSL 3. What Swift cannot import (function-like macros, type-safe stacks, unions) gets a one-line
// function here; nothing in this file decides anything.

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

static inline long countersign_bio_data(BIO *bio, char **out) { return BIO_get_mem_data(bio, out); }
static inline void countersign_free(void *pointer) { OPENSSL_free(pointer); }
static inline void countersign_clear_free(void *pointer, long count) { OPENSSL_clear_free(pointer, (size_t)count); }

static inline int countersign_public_key_selection(void) { return EVP_PKEY_PUBLIC_KEY; }
// The builder keeps the pointer to the name, so the name has to be C's own constant.
static inline int countersign_push_modulus(OSSL_PARAM_BLD *builder, const BIGNUM *n) { return OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n); }
static inline int countersign_push_exponent(OSSL_PARAM_BLD *builder, const BIGNUM *e) { return OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e); }
static inline EVP_PKEY *countersign_rsa_generate(size_t bits) { return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits); }
static inline EVP_PKEY *countersign_ec_generate(const char *group) { return EVP_PKEY_Q_keygen(NULL, NULL, "EC", group); }

static inline STACK_OF(X509) *countersign_certificates_new(void) { return sk_X509_new_null(); }
static inline int countersign_certificates_count(const STACK_OF(X509) *stack) { return sk_X509_num(stack); }
static inline X509 *countersign_certificates_at(const STACK_OF(X509) *stack, int index) { return sk_X509_value(stack, index); }
static inline int countersign_certificates_push(STACK_OF(X509) *stack, X509 *certificate) { return sk_X509_push(stack, certificate); }
static inline void countersign_certificates_free(STACK_OF(X509) *stack) { sk_X509_free(stack); }

static inline GENERAL_NAMES *countersign_names_new(void) { return sk_GENERAL_NAME_new_null(); }
static inline int countersign_names_count(const GENERAL_NAMES *stack) { return sk_GENERAL_NAME_num(stack); }
static inline GENERAL_NAME *countersign_names_at(const GENERAL_NAMES *stack, int index) { return sk_GENERAL_NAME_value(stack, index); }
static inline int countersign_names_push(GENERAL_NAMES *stack, GENERAL_NAME *name) { return sk_GENERAL_NAME_push(stack, name); }

static inline int countersign_usages_count(const EXTENDED_KEY_USAGE *stack) { return sk_ASN1_OBJECT_num(stack); }
static inline ASN1_OBJECT *countersign_usages_at(const EXTENDED_KEY_USAGE *stack, int index) { return sk_ASN1_OBJECT_value(stack, index); }

static inline int countersign_revoked_count(const STACK_OF(X509_REVOKED) *stack) { return sk_X509_REVOKED_num(stack); }
static inline X509_REVOKED *countersign_revoked_at(const STACK_OF(X509_REVOKED) *stack, int index) { return sk_X509_REVOKED_value(stack, index); }

static inline int countersign_tls_require_12(SSL_CTX *context) { return (int)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION); }
static inline void countersign_tls_cache_off(SSL_CTX *context) { SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); }
static inline int countersign_tls_add_intermediate(SSL_CTX *context, X509 *certificate) { return (int)SSL_CTX_add1_chain_cert(context, certificate); }
static inline void countersign_tls_allow_plain_end(SSL_CTX *context) { SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF); }
static inline int countersign_tls_set_server_name(SSL *connection, const char *name) { return (int)SSL_set_tlsext_host_name(connection, name); }

#endif
