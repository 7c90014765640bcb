package doctor

import (
	"errors"
	"strings"
	"testing"
)

func TestRedisFailure_HasAFixForEachReason(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"dial tcp 127.0.0.1:6379: connect: connection refused": "address",
		"context deadline exceeded":                            "TLS",
		"EOF":                                                  "rediss://",
		"read tcp 127.0.0.1:1->127.0.0.1:2: read: connection reset by peer":                       "rediss://",
		"tls: first record does not look like a TLS handshake":                                    "redis://",
		"tls: failed to verify certificate: x509: certificate signed by unknown authority":        "FIBERMSAL_CA_FILE",
		"tls: failed to verify certificate: x509: certificate is valid for a.example, not b.test": "names",
		"tls: failed to verify certificate: x509: certificate has expired or is not yet valid":    "new certificate",
		"remote error: tls: certificate required":                                                 "FIBERMSAL_REDIS_CERTIFICATE_FILE",
		"remote error: tls: unknown certificate authority":                                        "FIBERMSAL_REDIS_CERTIFICATE_FILE",
		"remote error: tls: bad certificate":                                                      "FIBERMSAL_REDIS_CERTIFICATE_FILE",
		"no Entra ID token for Redis: misconfigured: client_refused":                              "what Entra replied",
	} {
		if f := redisFailure(errors.New(text)); f.Code != "redis_unreachable" || !strings.Contains(f.Fix, want) {
			t.Errorf("%q: %+v, want a fix with %q", text, f, want)
		}
	}
}
