package entra

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"time"
)

// printed returns the fields that are set and may appear in logs and dumps. Others lists the names of
// the other fields that are set: secrets, storages and functions.
func (cfg Config[C]) printed() map[string]any {
	var published APIMetadata
	if cfg.APIMetadata != nil {
		published = *cfg.APIMetadata
	}
	fields := map[string]any{
		"ClientID": cfg.ClientID, "TenantID": cfg.TenantID, "Authority": cfg.Authority,
		"Cloud": cfg.Cloud, "AllowedTenants": cfg.AllowedTenants, "AnyTenantMaySignIn": cfg.AnyTenantMaySignIn, "PersonalAccountsMaySignIn": cfg.PersonalAccountsMaySignIn, "Scopes": cfg.Scopes, "Audiences": cfg.Audiences, "AnyClientMayCall": cfg.AnyClientMayCall, "APIMetadata": published, "PublicURL": cfg.PublicURL,
		"BasePath": cfg.BasePath, "RoutePrefix": cfg.RoutePrefix, "PostLogoutURL": cfg.PostLogoutURL, "GraphURL": cfg.GraphURL,
		"CookieName": cfg.CookieName, "ResponseMode": cfg.ResponseMode,
		"IdleTimeout": cfg.IdleTimeout, "AbsoluteTimeout": cfg.AbsoluteTimeout, "MaxSessionsPerUser": cfg.MaxSessionsPerUser, "CacheMegabytes": cfg.CacheMegabytes,
		"RecordBrowser": cfg.RecordBrowser, "AnonymousOnOutage": cfg.AnonymousOnOutage, "KeepFragment": cfg.KeepFragment, "StaleSessionsOnOutage": cfg.StaleSessionsOnOutage,
	}
	if cfg.APIMetadata != nil {
		fields["APIMetadata"] = *cfg.APIMetadata
	}
	var others []string
	of := reflect.ValueOf(cfg)
	for i := range of.NumField() {
		field := of.Type().Field(i)
		_, printable := fields[field.Name]
		switch {
		case of.Field(i).IsZero():
			delete(fields, field.Name)
		case !printable && field.IsExported():
			others = append(others, field.Name)
		}
	}
	for name, value := range fields {
		if d, ok := value.(time.Duration); ok {
			fields[name] = d.String()
		}
	}
	if len(others) > 0 {
		fields["Others"] = others
	}
	return fields
}

// String describes a Config without its secrets.
func (cfg Config[C]) String() string {
	fields := fmt.Sprint(cfg.printed()) // map[…]
	return "fibermsal.Config{" + strings.TrimSuffix(strings.TrimPrefix(fields, "map["), "]") + "}"
}

// GoString returns what String does, so that %#v prints no secret.
func (cfg Config[C]) GoString() string { return cfg.String() }

// MarshalJSON describes a Config without its secrets.
func (cfg Config[C]) MarshalJSON() ([]byte, error) { return json.Marshal(cfg.printed()) }

// Format prints what String returns, whatever the verb. Without it, fmt would call String for some
// verbs only.
func (cfg Config[C]) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, cfg.String()) }

// LogValue describes a Config without its secrets.
func (cfg Config[C]) LogValue() slog.Value { return slog.StringValue(cfg.String()) }
