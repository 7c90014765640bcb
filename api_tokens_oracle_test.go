package fibermsal_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/fibermsal/fibermsal/entratest"
)

// oracle verifies access tokens for an API with go-jose's JWT package. It shares no code with the
// library.
type oracle struct {
	idp *entratest.Server
	id  string // of the API, and its client ID
}

// oracleClaims are the claims beside the registered ones.
type oracleClaims struct {
	Version string `json:"ver"`
	Tenant  string `json:"tid"`
	Object  string `json:"oid"`
	Azp     string `json:"azp"`
	AppID   string `json:"appid"`
	Type    string `json:"idtyp"`
	Scopes  any    `json:"scp"`
	Roles   any    `json:"roles"`
	Nonce   any    `json:"nonce"`
	ATHash  any    `json:"at_hash"`
	CHash   any    `json:"c_hash"`
}

// decide returns [ofAUser] or [ofAnApp], or an error.
func (o oracle) decide(raw string) (string, error) {
	token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return "", err
	}
	if err := o.checkHeader(token.Headers); err != nil {
		return "", err
	}
	var unverified oracleClaims
	if err := token.UnsafeClaimsWithoutVerification(&unverified); err != nil {
		return "", err
	}
	document, issuer, audiences := "/v2.0", o.idp.Authority+"/v2.0", jwt.Audience{o.id}
	if unverified.Version == "1.0" {
		document, issuer, audiences = "", "https://sts.windows.net/"+o.idp.TenantID+"/", jwt.Audience{"api://" + o.id, "api://" + o.id + "/"}
	}
	keys, err := o.keys(document)
	if err != nil {
		return "", err
	}
	failure := errors.New("no key")
	for _, key := range keys {
		var registered jwt.Claims
		var c oracleClaims
		if id := token.Headers[0].KeyID; id != "" && id != key.KeyID {
			continue
		}
		if failure = token.Claims(key.Key, &registered, &c); failure == nil {
			return o.judge(registered, c, issuer, audiences)
		}
	}
	return "", failure
}

func (oracle) checkHeader(headers []jose.Header) error {
	if len(headers) != 1 {
		return errors.New("not one signature")
	}
	more := headers[0].ExtraHeaders
	if _, changesPayload := more["b64"]; changesPayload {
		return errors.New("b64")
	}
	typ, present := more[jose.HeaderType]
	if present && !slices.Contains([]any{"JWT", "at+jwt"}, typ) {
		return fmt.Errorf("typ %v", typ)
	}
	return nil
}

// keys returns the published keys of work accounts.
func (o oracle) keys(document string) ([]jose.JSONWebKey, error) {
	var metadata struct {
		Keys string `json:"jwks_uri"`
	}
	if err := o.get(o.idp.Authority+document+"/.well-known/openid-configuration?appid="+o.id, &metadata); err != nil {
		return nil, err
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := o.get(metadata.Keys, &set); err != nil {
		return nil, err
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if err := key.UnmarshalJSON(raw); err != nil {
			return nil, err
		}
		if !strings.Contains(string(raw), consumersTenant) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func (o oracle) get(address string, into any) error {
	resp, err := o.idp.HTTPClient.Get(address)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	return json.NewDecoder(resp.Body).Decode(into)
}

// judge decides about the claims of a signed token.
func (o oracle) judge(r jwt.Claims, c oracleClaims, issuer string, audiences jwt.Audience) (string, error) {
	if err := r.ValidateWithLeeway(jwt.Expected{Issuer: issuer, AnyAudience: audiences, Time: time.Now()}, 5*time.Minute); err != nil {
		return "", err
	}
	client := map[string]string{"1.0": c.AppID, "2.0": c.Azp}[c.Version]
	scopes, _ := c.Scopes.(string)
	roles, _ := c.Roles.([]any)
	switch {
	case len(r.Audience) != 1:
		return "", errors.New("several audiences")
	case r.Expiry == nil || r.NotBefore == nil || r.IssuedAt == nil || r.Expiry.Time().Year() > 5000:
		return "", errors.New("no times")
	case c.Tenant != o.idp.TenantID:
		return "", errors.New("another tenant")
	case c.Nonce != nil || c.ATHash != nil || c.CHash != nil || client == "":
		return "", errors.New("an ID token")
	case c.Object == "" || r.Subject == "":
		return "", errors.New("nobody")
	case strings.TrimSpace(scopes) == "" && len(roles) == 0:
		return "", errors.New("no permission")
	case c.Type == "" && scopes == "" && c.Object == r.Subject, c.Type != "" && c.Type != "user":
		return ofAnApp, nil
	}
	return ofAUser, nil
}
