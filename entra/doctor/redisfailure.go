package doctor

import (
	"strings"

	"github.com/fibermsal/fibermsal/internal/redact"
)

// redisFailure returns the finding about an error because of which Redis did not answer.
func redisFailure(err error) Finding {
	text := redact.Text(err.Error())
	f := unreachable(text)
	switch {
	case startsWith(err, "WRONGPASS", "NOAUTH", "ERR AUTH", "ERR invalid password"):
		f.Code, f.What = "redis_login", "Redis refuses the user or the password: "+text
		f.Fix = "compare both with ACL LIST on the server; the user must be enabled"
	case isDeniedDatabase(err):
		f.Code, f.What = "redis_rights", "the Redis user must not use SELECT, which a database other than 0 requires"
		f.Fix = "ACL SETUSER with +select, or use database 0"
	}
	return f
}

// unreachable returns the finding that Redis does not answer, and why.
func unreachable(reason string) Finding {
	return Finding{
		Severity: SeverityError, Code: "redis_unreachable",
		What: "Redis does not answer: " + reason,
		Why:  "requests of signed-in users get a 503, and nobody can sign in",
		Fix:  fixFor(reason),
	}
}

// fixes are selected by a part of the reason's text, because go-redis does not keep the types of all
// errors.
var fixes = []struct{ part, fix string }{
	{"no Entra ID token", "see what Entra replied; the app needs a client credential that Entra accepts, and its service principal an access policy in the cache"},
	{"x509: certificate signed by", "name the certificate authority of the server in FIBERMSAL_CA_FILE, or RedisTLS"},
	{"x509: certificate is valid for", "use a host in the URL that the server's certificate names, or a certificate that names the host"},
	{"x509: certificate has expired", "give the server a new certificate, or set the clock here"},
	{"remote error: tls:", "the server accepts only clients with a certificate that it trusts: name one in FIBERMSAL_REDIS_CERTIFICATE_FILE, or RedisTLS"},
	{"first record does not look like a TLS handshake", "begin the URL with redis://, if the server really uses no TLS"},
	{"EOF", "begin the URL with rediss:// if the server accepts only TLS; otherwise find out why it closes connections"},
	{"connection reset", "begin the URL with rediss:// if the server accepts only TLS, and name a client certificate if it requires one; otherwise find out why it closes connections"},
	{"deadline exceeded", "check whether the server runs and is not stalled, whether address, port and network are right, and whether both sides use TLS (rediss://) or neither does (redis://)"},
}

func fixFor(reason string) string {
	for _, f := range fixes {
		if strings.Contains(reason, f.part) {
			return f.fix
		}
	}
	return "check whether the server runs, and whether its address, its port and the network in between are right"
}

// outdated returns the finding that a server lacks a feature.
func outdated(what string) Finding {
	return Finding{
		Severity: SeverityError, Code: "redis_version", What: what,
		Why: "signing in, renewing tokens or finding sessions fails where it is needed",
		Fix: "run Redis 6.0 or later, or do not rename commands on the server",
	}
}
