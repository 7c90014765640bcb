package discovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// TenantPlaceholder stands for the tenant in the issuer of an authority for several tenants.
const TenantPlaceholder = "{tenantid}"

// Metadata contains the fields of an OpenID configuration that fibermsal uses.
type Metadata struct {
	Issuer                string `json:"issuer"`
	AuthorizationEndpoint string `json:"authorization_endpoint"`
	TokenEndpoint         string `json:"token_endpoint"`
	EndSessionEndpoint    string `json:"end_session_endpoint"`
	JWKSURI               string `json:"jwks_uri"`
}

// Tenant returns the tenant in the issuer: a GUID or [TenantPlaceholder].
func (m *Metadata) Tenant() string {
	u, err := url.Parse(m.Issuer)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(strings.TrimPrefix(u.Path, "/"), version)
}

// Fetch gets the metadata of an authority such as
// https://login.microsoftonline.com/{tenant}, through a client whose transport is a
// [Transport], which validates and caches it. The result must not be changed.
func Fetch(ctx context.Context, client *http.Client, authority string) (*Metadata, error) {
	return fetch(ctx, client, Address(authority))
}

// FetchVersion1 gets the issuer and the URL of the keys for an authority's version 1 tokens, like
// [Fetch] for version 2. The other fields are empty. The registration of an API determines the version
// of its tokens; the default is version 1.
func FetchVersion1(ctx context.Context, client *http.Client, authority string) (*Metadata, error) {
	return fetch(ctx, client, strings.TrimSuffix(authority, "/")+path)
}

func fetch(ctx context.Context, client *http.Client, address string) (*Metadata, error) {
	t, ok := client.Transport.(*Transport)
	if !ok {
		return nil, errors.New("discovery: the client is not one with a Transport")
	}
	d := t.known(address)
	if d == nil {
		u, err := url.Parse(address)
		if err != nil {
			return nil, errors.New("discovery: the authority is not a URL")
		}
		d = t.document(u)
	}
	kept, err := d.get(ctx, t.base)
	if err != nil {
		return nil, err
	}
	return kept.metadata, nil
}

// Address returns the URL of an authority's metadata.
func Address(authority string) string { return strings.TrimSuffix(authority, "/") + version + path }

// Get gets a document of the authority.
func Get(ctx context.Context, client *http.Client, address string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("discovery: %s answered with status %d", r.URL.Path, resp.StatusCode)
	}
	return io.ReadAll(resp.Body)
}

func parse(body []byte) (*Metadata, error) {
	m := new(Metadata)
	if err := json.Unmarshal(body, m); err != nil {
		return nil, errors.New("discovery: the OpenID configuration is not JSON")
	}
	if m.Issuer == "" || m.AuthorizationEndpoint == "" || m.TokenEndpoint == "" || m.JWKSURI == "" {
		return nil, errors.New("discovery: the OpenID configuration is incomplete")
	}
	return m, nil
}

// parseVersion1 reads a version 1 configuration. Its issuer has another host than the authority, such
// as sts.windows.net, so only the authority itself vouches for it.
func parseVersion1(body []byte, from *url.URL) (*Metadata, error) {
	var m Metadata
	if json.Unmarshal(body, &m) != nil {
		return nil, errors.New("discovery: the configuration of version 1 is not JSON")
	}
	issuer, err := url.Parse(m.Issuer)
	if err != nil || issuer.Scheme != "https" || issuer.Host == "" {
		return nil, errors.New("discovery: the issuer of version 1 is not a URL")
	}
	tenant := strings.Trim(issuer.Path, "/")
	if m.Issuer != "https://"+issuer.Host+"/"+tenant+"/" || tenant != TenantPlaceholder && !IsGUID(tenant) {
		return nil, errors.New("discovery: the issuer of version 1 does not have the form of an Entra tenant's issuer")
	}
	configured := strings.Trim(strings.TrimSuffix(from.Path, path), "/")
	if IsGUID(configured) && !strings.EqualFold(configured, tenant) {
		return nil, errors.New("discovery: the issuer of version 1 is of another tenant")
	}
	if !isAt(m.JWKSURI, from) {
		return nil, errors.New("discovery: keys must be https on the authority's own host")
	}
	return &Metadata{Issuer: m.Issuer, JWKSURI: m.JWKSURI}, nil
}

// validate checks that the document describes the authority that sent it (OpenID Connect Discovery 1.0
// section 4.3; ASVS 10.5.3), and that secrets and keys are only sent over TLS. URLs that a browser
// opens may be plain http on this machine, because those of the emulator are.
func (m *Metadata) validate(authority string) error {
	a, err := url.Parse(authority)
	if err != nil {
		return errors.New("discovery: the authority is not a URL")
	}
	if err := m.validateIssuer(a); err != nil {
		return err
	}
	for _, address := range []string{m.TokenEndpoint, m.JWKSURI} {
		if !isAt(address, a) {
			return errors.New("discovery: token endpoint and keys must be https on the authority's own host")
		}
	}
	for _, address := range []string{m.AuthorizationEndpoint, m.EndSessionEndpoint} {
		if address != "" && !browsable(address) {
			return errors.New("discovery: an endpoint for browsers is neither https nor on this machine")
		}
	}
	return nil
}

// isAt reports whether a URL is https on the host of an authority.
func isAt(address string, authority *url.URL) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && strings.EqualFold(u.Host, authority.Host)
}

func (m *Metadata) validateIssuer(authority *url.URL) error {
	issuer, err := url.Parse(m.Issuer)
	if err != nil || issuer.Scheme != "https" || !m.isIssuerAt(issuer.Host, authority.Host) {
		return errors.New("discovery: the issuer's host is not the authority's")
	}
	tenant, configured := m.Tenant(), strings.Trim(authority.Path, "/")
	if m.Issuer != "https://"+issuer.Host+"/"+tenant+version || tenant == "" || strings.Contains(tenant, "/") {
		return errors.New("discovery: the issuer does not have the form of an Entra tenant's issuer")
	}
	if IsGUID(configured) && !strings.EqualFold(configured, tenant) {
		return errors.New("discovery: the issuer is of another tenant")
	}
	return nil
}

// externalDomain is the suffix of the hosts of External ID.
const externalDomain = ".ciamlogin.com"

// IsExternalHost reports whether a host belongs to External ID. Custom domains are not recognized.
func IsExternalHost(host string) bool {
	return strings.HasSuffix(strings.ToLower(host), externalDomain)
}

// isIssuerAt reports whether an issuer with the given host may be that of an authority. Issuers are compared exactly
// (OpenID Connect Discovery 1.0 section 4.3), and Entra's are in lower case, regardless of how the authority is written.
// In External ID, the host of the issuer begins with the tenant ID, whether the authority has the tenant's name below
// ciamlogin.com or a custom domain.
func (m *Metadata) isIssuerAt(issuerHost, host string) bool {
	return m.isExternal() || (issuerHost == strings.ToLower(host) && !IsExternalHost(host))
}

// isExternal reports whether the issuer is exactly that of an External ID tenant.
func (m *Metadata) isExternal() bool {
	tenant := m.Tenant()
	return IsGUID(tenant) && m.Issuer == "https://"+tenant+externalDomain+"/"+tenant+version
}

// forMSAL returns the metadata of an authority for MSAL. MSAL does not support External ID and accepts
// only issuers on the authority's own host, so the issuer is replaced. MSAL uses the issuer for nothing
// else.
func (m *Metadata) forMSAL(authority string) *Metadata {
	if !m.isExternal() {
		return m
	}
	known := *m
	known.Issuer = authority + version
	return &known
}

func browsable(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return false
	}
	return u.Scheme == "https" || (u.Scheme == "http" && IsLoopback(u.Hostname()))
}

// IsLoopback reports whether a host name always means this machine: the
// loopback addresses, localhost and its subdomains (RFC 6761 section 6.3).
func IsLoopback(host string) bool {
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "127.0.0.1" || host == "::1"
}

// IsGUID reports whether s has the form of a tenant or object ID.
func IsGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		b := s[i]
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if b != '-' {
				return false
			}
		case b < '0' || b > '9' && b < 'A' || b > 'F' && b < 'a' || b > 'f':
			return false
		}
	}
	return true
}
