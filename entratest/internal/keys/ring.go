package keys

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"slices"
	"sync"
)

// Ring holds the published keys. The newest signs. It is safe for concurrent use.
type Ring struct {
	mu      sync.Mutex
	made    int
	signing []*Key // newest first
	foreign *Key   // of another issuer, published in the same set
	own     *Key   // of the application, or nil
}

// NewRing returns a ring with one key.
func NewRing() *Ring {
	r := &Ring{}
	r.Rotate()
	return r
}

// Rotate adds a key and makes it the active one.
func (r *Ring) Rotate() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.signing = append([]*Key{r.next()}, r.signing...)
}

// RemoveOld removes all signing keys except the active one.
func (r *Ring) RemoveOld() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.signing = r.signing[:1]
}

// PublishForeign adds a key that belongs to the given tenant, unless there is one already.
func (r *Ring) PublishForeign(tenant string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.foreign == nil {
		r.foreign = r.next()
		r.foreign.tenant = tenant
	}
}

// UseOwn adds a key for the application only. It signs the application's ID tokens and the access
// tokens for its API.
func (r *Ring) UseOwn() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.own = r.next()
}

// Active returns the key that signs all tokens that are not signed with the application's own key.
func (r *Ring) Active() *Key {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.signing[0]
}

// Foreign returns the key of another issuer, or nil.
func (r *Ring) Foreign() *Key {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.foreign
}

// ForApp returns the key that signs tokens for the application, and the foreign one, which may be nil.
func (r *Ring) ForApp() (signing, foreign *Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.own != nil {
		return r.own, r.foreign
	}
	return r.signing[0], r.foreign
}

func (r *Ring) next() *Key {
	key := newKey(privateKey(r.made))
	r.made++
	return key
}

// The nth RSA key is the same for every server of a process, because generating a key takes a tenth of
// a second and a test suite creates hundreds of servers. Each server has its own key ids and
// certificates.
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
			panic("entratest: " + err.Error()) // there is no cryptography without randomness
		}
		privateKeys.list = append(privateKeys.list, key)
	}
	return privateKeys.list[n]
}

// JWK is a published key. entra: kid equals x5t, there is no alg, and issuer is a template where the set is
// for many tenants.
type JWK struct {
	Type      string   `json:"kty"`
	Use       string   `json:"use"`
	ID        string   `json:"kid"`
	Thumb     string   `json:"x5t"`
	Modulus   string   `json:"n"`
	Exponent  string   `json:"e"`
	CertChain []string `json:"x5c"`
	Issuer    string   `json:"issuer,omitempty"`
}

// Publish returns all published keys for a tenant, or for the placeholder for several tenants. issuer
// returns the issuer's URL for a tenant. entra: the application's own key is only in the application's
// document, which forApp requests.
func (r *Ring) Publish(tenant string, issuer func(tenant string) string, forApp bool) []JWK {
	r.mu.Lock()
	defer r.mu.Unlock()
	published := r.ofWork(forApp)
	if r.foreign != nil {
		published = append(published, r.foreign)
	}
	var set []JWK
	for _, k := range published {
		owner := tenant
		if k.tenant != "" {
			owner = k.tenant
		}
		set = append(set, k.publish(issuer(owner)))
	}
	return set
}

// PublishV1 returns the keys of the document of version 1, which contain no issuer. The key of another
// issuer could not be distinguished, so it is left out. It is not needed, because there are no tokens
// of version 1 for personal accounts.
func (r *Ring) PublishV1(forApp bool) []JWK {
	r.mu.Lock()
	defer r.mu.Unlock()
	var set []JWK
	for _, k := range r.ofWork(forApp) {
		set = append(set, k.publish(""))
	}
	return set
}

// ofWork returns the keys that sign tokens of work accounts.
func (r *Ring) ofWork(forApp bool) []*Key {
	if forApp && r.own != nil {
		return []*Key{r.own}
	}
	return slices.Clone(r.signing)
}

func (k *Key) publish(issuer string) JWK {
	return JWK{
		Type: "RSA", Use: "sig", ID: k.ID, Thumb: k.ID,
		Modulus:   base64.RawURLEncoding.EncodeToString(k.private.N.Bytes()),
		Exponent:  "AQAB",
		CertChain: []string{base64.StdEncoding.EncodeToString(k.cert)},
		Issuer:    issuer,
	}
}
