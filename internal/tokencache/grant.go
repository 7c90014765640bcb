package tokencache

import (
	"strconv"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/rawjson"
)

// Grant is the response of a token endpoint to a code.
type Grant struct {
	// AccessToken and RefreshToken are JSON strings. They are not decoded, because they are long and
	// only stored here. A refresh token may be missing.
	AccessToken, RefreshToken []byte
	IDToken                   string // that MSAL can decode
	TokenType                 string
	Family                    string // of apps that share refresh tokens, which are Microsoft's own
	Target                    string // the granted scopes

	CachedAt, ExpiresOn          time.Time
	ExtendedExpiresOn, RefreshOn time.Time // zero if the response had none

	LocalAccount string // the object ID, or else the subject
	Username     string
}

// minMSALLife is the lifetime that an access token must have for MSAL to store it.
const minMSALLife = 5 * time.Minute

// authorityType is MSAL's name for Entra.
const authorityType = "MSSTS"

// Granted encodes the cache that MSAL would produce for a grant to an owner. MSAL would need as much
// time for it as a sign-in needs for everything else that it stores, because MSAL encodes each member
// by reflection.
func Granted(o Owner, g *Grant) []byte {
	o.Environment, o.Realm = strings.ToLower(o.Environment), strings.ToLower(o.Realm)
	content := append(make(made, 0, sizeOf(o, g)), '{')
	if g.ExpiresOn.Sub(g.CachedAt) >= minMSALLife {
		content = content.accessToken(o, g)
	}
	if len(g.RefreshToken) > 0 {
		content = content.refreshToken(o, g)
	}
	content = content.section("IdToken", o.Account, o.Environment, "IdToken", o.ClientID, o.Realm).
		text("home_account_id", o.Account).text("environment", o.Environment).text("realm", o.Realm).
		text("credential_type", "IdToken").text("client_id", o.ClientID).text("secret", g.IDToken).end()
	content = content.section("Account", o.Account, o.Environment, o.Realm).
		text("home_account_id", o.Account).text("environment", o.Environment).text("realm", o.Realm).
		text("local_account_id", g.LocalAccount).text("authority_type", authorityType).text("username", g.Username).end()
	content = content.section(appMetadata, "AppMetaData", o.Environment, o.ClientID).
		text("family_id", g.Family).text("client_id", o.ClientID).text("environment", o.Environment).end()
	return append(content, '}')
}

// sizeOf returns the approximate length of the cache of a grant.
func sizeOf(o Owner, g *Grant) int {
	tokens := len(g.AccessToken) + len(g.RefreshToken) + len(g.IDToken)
	names := 8*len(o.Account) + 9*len(o.Environment) + 6*len(o.Realm) + 7*len(o.ClientID)
	return tokens + names + 2*len(g.Target) + len(g.LocalAccount) + len(g.Username) + 1100
}

// made is a cache that is being encoded, in the order that MSAL uses. The dictionary of internal/pack
// is based on this order.
type made []byte

func (m made) accessToken(o Owner, g *Grant) made {
	key := []string{o.Account, o.Environment, "AccessToken", o.ClientID, o.Realm, g.Target}
	if !strings.EqualFold(g.TokenType, "Bearer") {
		key = append(key, g.TokenType)
	}
	return m.section(accessTokens, key...).
		text("home_account_id", o.Account).text("environment", o.Environment).text("realm", o.Realm).
		text("credential_type", "AccessToken").text("client_id", o.ClientID).member("secret", g.AccessToken).
		text("target", g.Target).time("refresh_on", g.RefreshOn).time("expires_on", g.ExpiresOn).
		time("extended_expires_on", g.ExtendedExpiresOn).time("cached_at", g.CachedAt).text("token_type", g.TokenType).end()
}

func (m made) refreshToken(o Owner, g *Grant) made {
	issuedTo := o.ClientID
	if g.Family != "" {
		issuedTo = g.Family
	}
	return m.section(refreshTokens, o.Account, o.Environment, "RefreshToken", issuedTo).
		text("home_account_id", o.Account).text("environment", o.Environment).
		text("credential_type", "RefreshToken").text("client_id", o.ClientID).
		text("family_id", g.Family).member("secret", g.RefreshToken).end()
}

// section begins a section with one entry, whose key consists of the given parts.
func (m made) section(name string, key ...string) made {
	m = append(rawjson.AppendName(next(m), name), '{')
	return append(rawjson.AppendName(m, strings.ToLower(strings.Join(key, "-"))), '{')
}

// end ends an entry and its section.
func (m made) end() made { return append(m, "}}"...) }

// text adds a member, unless it is empty.
func (m made) text(name, text string) made {
	if text == "" {
		return m
	}
	return rawjson.AppendText(rawjson.AppendName(next(m), name), text)
}

func (m made) member(name string, value []byte) made {
	return append(rawjson.AppendName(next(m), name), value...)
}

// time adds a Unix time in quotes, unless it is zero.
func (m made) time(name string, t time.Time) made {
	if t.IsZero() {
		return m
	}
	m = append(rawjson.AppendName(next(m), name), '"')
	return append(strconv.AppendInt(m, t.Unix(), 10), '"')
}
