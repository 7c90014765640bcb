package entra

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// visible is what of a Config may appear in logs and dumps.
func (cfg Config[C]) visible() map[string]any {
	return map[string]any{
		"ClientID": cfg.ClientID, "TenantID": cfg.TenantID, "Authority": cfg.Authority,
		"Cloud": string(cfg.Cloud), "AllowedTenants": cfg.AllowedTenants, "AnyTenantMaySignIn": cfg.AnyTenantMaySignIn, "PersonalAccountsMaySignIn": cfg.PersonalAccountsMaySignIn, "Scopes": cfg.Scopes, "PublicURL": cfg.PublicURL,
		"BasePath": cfg.BasePath, "RoutePrefix": cfg.RoutePrefix, "PostLogoutURL": cfg.PostLogoutURL, "GraphURL": cfg.GraphURL,
		"CookieName": cfg.CookieName, "ResponseMode": string(cfg.ResponseMode),
		"IdleTimeout": cfg.IdleTimeout.String(), "AbsoluteTimeout": cfg.AbsoluteTimeout.String(), "MaxSessionsPerUser": cfg.MaxSessionsPerUser,
		"RecordBrowser": cfg.RecordBrowser, "AnonymousOnOutage": cfg.AnonymousOnOutage, "KeepFragment": cfg.KeepFragment, "StaleSessionsOnOutage": cfg.StaleSessionsOnOutage.String(),
	}
}

// String describes a Config without its secrets.
func (cfg Config[C]) String() string {
	fields := fmt.Sprint(cfg.visible()) // map[…]
	return "fibermsal.Config{" + strings.TrimSuffix(strings.TrimPrefix(fields, "map["), "]") + "}"
}

// GoString returns what String does, so that %#v prints no secret.
func (cfg Config[C]) GoString() string { return cfg.String() }

// MarshalJSON describes a Config without its secrets.
func (cfg Config[C]) MarshalJSON() ([]byte, error) { return json.Marshal(cfg.visible()) }

// Format prints what String does, whatever the verb: fmt would call String for some of them only.
func (cfg Config[C]) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, cfg.String()) }

// LogValue describes a Config without its secrets.
func (cfg Config[C]) LogValue() slog.Value { return slog.StringValue(cfg.String()) }
