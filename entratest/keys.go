package entratest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // #nosec G505 -- x5t is defined as a SHA-1 thumbprint; nothing is protected by it
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"sync"
	"time"
)

// signingKey is one entry of the JWKS with its private half.
type signingKey struct {
	private *rsa.PrivateKey
	kid     string
	cert    []byte // DER
	tenant  string // whose tokens it signs; empty for all work tenants
}

// keyRing holds the published keys. The newest signs. Guarded by Server.mu.
type keyRing struct {
	made    int
	signing []*signingKey // newest first
	foreign *signingKey   // another issuer's, published in the same set
}

func (k *keyRing) active() *signingKey { return k.signing[0] }

func (k *keyRing) next() *signingKey {
	key := newSigningKey(privateKey(k.made))
	k.made++
	return key
}

func (k *keyRing) rotate() {
	k.signing = append([]*signingKey{k.next()}, k.signing...)
}

// The nth RSA key is the same for every server of a process: making one costs a tenth of a second, and a
// test suite makes hundreds of servers. Key ids and certificates are each server's own.
var privateKeys struct {
	sync.Mutex
	list []*rsa.PrivateKey
}

func privateKey(n int) *rsa.PrivateKey {
	privateKeys.Lock()
	defer privateKeys.Unlock()
	for len(privateKeys.list) <= n {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic("entratest: " + err.Error()) // no randomness, no cryptography
		}
		privateKeys.list = append(privateKeys.list, key)
	}
	return privateKeys.list[n]
}

// newSigningKey wraps the key in a self-signed certificate, whose thumbprint is the key id, as at Entra.
func newSigningKey(private *rsa.PrivateKey) *signingKey {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "accounts.accesscontrol.windows.net"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(5, 0, 0),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		panic("entratest: " + err.Error()) // the template is constant: it worked in the tests
	}
	thumbprint := sha1.Sum(cert) // #nosec G401 -- as above
	return &signingKey{private: private, kid: base64.RawURLEncoding.EncodeToString(thumbprint[:]), cert: cert}
}

func (k *signingKey) signRS256(input []byte) []byte {
	digest := sha256.Sum256(input)
	return signPKCS1(k.private, crypto.SHA256, digest[:])
}

func signPKCS1(key *rsa.PrivateKey, hash crypto.Hash, digest []byte) []byte {
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, hash, digest)
	if err != nil {
		panic("entratest: " + err.Error()) // 2048 bits hold every digest
	}
	return signature
}

// RotateKeys makes a new signing key the active one. The earlier ones stay published, as Microsoft does
// it for a while, until [Server.RemoveOldKeys].
func (s *Server) RotateKeys() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys.rotate()
}

// RemoveOldKeys takes all but the active signing key out of the published set.
func (s *Server) RemoveOldKeys() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys.signing = s.keys.signing[:1]
}

// PublishForeignKey adds a key to the published set whose issuer is the consumer tenant's. Entra's common
// set mixes issuers in this way; a token of a work tenant signed by that key must be refused.
// [IDToken.SignForeign] makes such a token.
func (s *Server) PublishForeignKey() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys.foreign == nil {
		s.keys.foreign = s.keys.next()
		s.keys.foreign.tenant = consumerTenant
	}
}

// jwk is a published key. entra: kid equals x5t, there is no alg, and issuer is a template where the set is
// for many tenants.
type jwk struct {
	Type      string   `json:"kty"`
	Use       string   `json:"use"`
	ID        string   `json:"kid"`
	Thumb     string   `json:"x5t"`
	Modulus   string   `json:"n"`
	Exponent  string   `json:"e"`
	CertChain []string `json:"x5c"`
	Issuer    string   `json:"issuer"`
}

func (s *Server) publish(k *signingKey, tenant string) jwk {
	if k.tenant != "" {
		tenant = k.tenant
	}
	return jwk{
		Type: "RSA", Use: "sig", ID: k.kid, Thumb: k.kid,
		Modulus:   base64.RawURLEncoding.EncodeToString(k.private.N.Bytes()),
		Exponent:  "AQAB",
		CertChain: []string{base64.StdEncoding.EncodeToString(k.cert)},
		Issuer:    s.issuer(tenant),
	}
}

// serveKeys is the JWKS endpoint.
func (s *Server) serveKeys(w http.ResponseWriter, r *http.Request, segment string) {
	tenants, fail := s.tenantsOf(segment)
	if fail != nil {
		s.writeError(w, r, fail)
		return
	}
	tenant := tenants[0].id
	if isAlias(segment) {
		tenant = "{tenantid}"
	}
	s.mu.Lock()
	set := struct {
		Keys []jwk `json:"keys"`
	}{}
	for _, k := range s.keys.signing {
		set.Keys = append(set.Keys, s.publish(k, tenant))
	}
	if s.keys.foreign != nil {
		set.Keys = append(set.Keys, s.publish(s.keys.foreign, tenant))
	}
	s.mu.Unlock()
	publicHeaders(w.Header())
	writeJSON(w, http.StatusOK, set)
}

func encodeSegment(v map[string]any) string {
	encoded, err := json.Marshal(v)
	if err != nil {
		panic("entratest: " + err.Error()) // a tampering test put in what JSON cannot say
	}
	return base64.RawURLEncoding.EncodeToString(encoded)
}
