package discovery

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// FetchVersion1 gets the issuer and the keys' address of an authority's tokens of version 1, as
// [Fetch] does for version 2. The other fields are empty. An API chooses the version of its tokens in its
// registration, where version 1 is the default.
func FetchVersion1(ctx context.Context, client *http.Client, authority string) (*Metadata, error) {
	return fetch(ctx, client, strings.TrimSuffix(authority, "/")+path)
}

// parseVersion1 reads a configuration of version 1. Its issuer is on a host of its own, such as
// sts.windows.net, so that only the authority itself vouches for it.
func parseVersion1(body []byte, from *url.URL) (*Metadata, error) {
	var m Metadata
	if json.Unmarshal(body, &m) != nil {
		return nil, errors.New("discovery: the configuration of version 1 is not JSON")
	}
	issuer, err := url.Parse(m.Issuer)
	if err != nil || issuer.Scheme != "https" || issuer.Host == "" {
		return nil, errors.New("discovery: the issuer of version 1 is no address")
	}
	tenant := strings.Trim(issuer.Path, "/")
	if m.Issuer != "https://"+issuer.Host+"/"+tenant+"/" || tenant != TenantPlaceholder && !IsGUID(tenant) {
		return nil, errors.New("discovery: the issuer of version 1 has not the shape of an Entra tenant's")
	}
	configured := strings.Trim(strings.TrimSuffix(from.Path, path), "/")
	if IsGUID(configured) && !strings.EqualFold(configured, tenant) {
		return nil, errors.New("discovery: the issuer of version 1 is of another tenant")
	}
	keys, err := url.Parse(m.JWKSURI)
	if err != nil || keys.Scheme != "https" || !strings.EqualFold(keys.Host, from.Host) {
		return nil, errors.New("discovery: keys must be https on the authority's own host")
	}
	return &Metadata{Issuer: m.Issuer, JWKSURI: m.JWKSURI}, nil
}
