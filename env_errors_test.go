package fibermsal_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal"
)

func TestConfigFromEnv_WrongVariablesAreNamedWithTheirFieldAndNoValue(t *testing.T) {
	for name, row := range map[string]struct {
		env   map[string]string
		field string
		says  string
	}{
		"spelling":                  {map[string]string{"CLIENT_SECRT": canary}, "ClientSecret", "FMTEST_CLIENT_SECRT is unknown; the nearest is FMTEST_CLIENT_SECRET"},
		"spelling of a file":        {map[string]string{"KEY_FILE": canary}, "Keys", "FMTEST_KEY_FILE is unknown; the nearest is FMTEST_KEYS_FILE"},
		"spelling of a switch":      {map[string]string{"ANONYMOUS_IN_OUTAGE": canary}, "AnonymousOnOutage", "nearest is FMTEST_ANONYMOUS_ON_OUTAGE"},
		"a file of a file":          {map[string]string{"CA_FILE_FILE": canary}, "HTTPClient", "nearest is FMTEST_CA_FILE"},
		"near none":                 {map[string]string{"PORT": canary}, "", "FMTEST_PORT is unknown and similar to no known variable"},
		"both":                      {map[string]string{"CLIENT_SECRET": canary, "CLIENT_SECRET_FILE": canary}, "ClientSecret", "FMTEST_CLIENT_SECRET_FILE is set together with FMTEST_CLIENT_SECRET"},
		"no such file":              {map[string]string{"CLIENT_SECRET_FILE": canary}, "ClientSecret", "FMTEST_CLIENT_SECRET_FILE cannot be read: no such file"},
		"a directory":               {map[string]string{"CLIENT_SECRET_FILE": t.TempDir()}, "ClientSecret", "FMTEST_CLIENT_SECRET_FILE cannot be read"},
		"an empty file":             {map[string]string{"CLIENT_SECRET_FILE": file(t, "\n")}, "ClientSecret", "FMTEST_CLIENT_SECRET_FILE names a file that is empty"},
		"a mounted value":           {map[string]string{"IDLE_TIMEOUT_FILE": file(t, canary)}, "IdleTimeout", "FMTEST_IDLE_TIMEOUT_FILE must be a duration"},
		"number":                    {map[string]string{"MAX_SESSIONS_PER_USER": "many " + canary}, "MaxSessionsPerUser", "FMTEST_MAX_SESSIONS_PER_USER must be a whole number"},
		"duration":                  {map[string]string{"IDLE_TIMEOUT": "8 hours " + canary}, "IdleTimeout", "FMTEST_IDLE_TIMEOUT must be a duration such as"},
		"number without a unit":     {map[string]string{"ABSOLUTE_TIMEOUT": "3600"}, "AbsoluteTimeout", "FMTEST_ABSOLUTE_TIMEOUT must be a duration such as"},
		"switch":                    {map[string]string{"ANY_TENANT_MAY_SIGN_IN": canary}, "AnyTenantMaySignIn", "FMTEST_ANY_TENANT_MAY_SIGN_IN must be true or false"},
		"keys":                      {map[string]string{"KEYS": encoded(1) + "," + canary + "!"}, "Keys", "FMTEST_KEYS contains key 2, which is not valid base64"},
		"Redis":                     {map[string]string{"REDIS_URL": "https://app:" + canary + "@redis.example"}, "Storage", "FMTEST_REDIS_URL is not a URL of the form"},
		"Redis Cluster":             {map[string]string{"REDIS_URL": "redis://:" + canary + "@redis.example?addr=redis.example:2&pool_siez=" + canary}, "Storage", `FMTEST_REDIS_URL has an unknown option "pool_siez"`},
		"response mode":             {map[string]string{"RESPONSE_MODE": canary}, "ResponseMode", "FMTEST_RESPONSE_MODE must be form_post or query"},
		"cloud":                     {map[string]string{"CLOUD": canary}, "Cloud", "FMTEST_CLOUD must be public, us-government, us-dod, china, bleu, delos or gov-sg"},
		"no such authorities":       {map[string]string{"CA_FILE": canary}, "HTTPClient", "FMTEST_CA_FILE cannot be read: no such file"},
		"no authorities":            {map[string]string{"CA_FILE": file(t, canary)}, "HTTPClient", "FMTEST_CA_FILE names a file without a certificate"},
		"no such certificate":       {map[string]string{"CERTIFICATE_FILE": canary}, "Credential", "FMTEST_CERTIFICATE_FILE cannot be used: no such file"},
		"no certificate":            {map[string]string{"CERTIFICATE_FILE": file(t, canary)}, "Credential", "FMTEST_CERTIFICATE_FILE cannot be used"},
		"workload identity nowhere": {map[string]string{"WORKLOAD_IDENTITY": "true"}, "Credential", "FMTEST_WORKLOAD_IDENTITY needs AZURE_FEDERATED_TOKEN_FILE"},
		"workload identity":         {map[string]string{"WORKLOAD_IDENTITY": canary}, "Credential", "FMTEST_WORKLOAD_IDENTITY must be true or false"},
		"managed identity":          {map[string]string{"MANAGED_IDENTITY": canary + "!"}, "Credential", "FMTEST_MANAGED_IDENTITY must be system"},
		"two credentials":           {map[string]string{"MANAGED_IDENTITY": "system", "FEDERATED_TOKEN_FILE": canary}, "Credential", "FMTEST_MANAGED_IDENTITY conflicts with another credential variable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AZURE_FEDERATED_TOKEN_FILE", "")
			cfg, err := withEnv(t, row.env)
			var wrong *fibermsal.ConfigError
			if !errors.As(err, &wrong) || wrong.Field != row.field || !strings.Contains(wrong.Problem, row.says) {
				t.Fatalf("%v", err)
			}
			if n := len(joined(err)); n != 1 {
				t.Errorf("%d errors: %v", n, err)
			}
			if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, canary) || strings.Contains(text, "mounted") {
				t.Errorf("a value is shown: %s", text)
			}
			if !reflect.ValueOf(cfg).IsZero() {
				t.Errorf("a Config beside the error: %v", cfg)
			}
		})
	}
}

func TestConfigFromEnv_ListsEveryProblemAtOnce(t *testing.T) {
	_, err := withEnv(t, map[string]string{
		"IDLE_TIMEOUT": "x", "KEYS": "!", "REDIS_URL": "redis://127.0.0.1:1", "TENNANT_ID": "x", "CLIENT_SECRT": "x", "CA_FILE": "/nonexistent",
	})
	var names []string
	for _, problem := range joined(err) {
		names = append(names, regexp.MustCompile(envPrefix+`_[A-Z_]+`).FindString(problem.Error()))
	}
	want := []string{"FMTEST_KEYS", "FMTEST_IDLE_TIMEOUT", "FMTEST_CA_FILE", "FMTEST_CLIENT_SECRT", "FMTEST_TENNANT_ID"}
	if !slices.Equal(names, want) {
		t.Errorf("%v\nwant %v", names, want)
	}
}

func TestConfigFromEnv_TheAppsOwnVariablesAreNamed(t *testing.T) {
	env := map[string]string{"CLIENT_ID": "app", "PORT": "3000", "TITLE": "x"}
	if _, err := withEnv(t, env, "PORT"); err == nil || strings.Contains(err.Error(), "PORT") || !strings.Contains(err.Error(), "FMTEST_TITLE") {
		t.Errorf("%v", err)
	}
	if cfg, err := withEnv(t, env, "PORT", "TITLE"); err != nil || cfg.ClientID != "app" {
		t.Errorf("%v, %v", cfg, err)
	}
}

func TestConfigFromEnv_PrefixIsAName(t *testing.T) {
	t.Setenv(envPrefix+"_CLIENT_ID", "app")
	for prefix, want := range map[string]bool{envPrefix: true, envPrefix + "_": true, "": false, "A-B": false, "A B": false, "1A": false, "A=": false} {
		cfg, err := fibermsal.ConfigFromEnv(prefix)
		if (err == nil) != want || (cfg.ClientID == "app") != want {
			t.Errorf("%q: %v, %v", prefix, cfg, err)
		}
	}
}

// Open reports missing fields, because code may set fields that the environment does not.
func TestConfigFromEnv_LeavesWhatIsMissingToOpen(t *testing.T) {
	cfg, err := withEnv(t, map[string]string{"CLIENT_ID": "app", "TENANT_ID": "contoso.com", "PUBLIC_URL": "https://app.example", "KEYS": base64.StdEncoding.EncodeToString(make([]byte, 16))})
	if err != nil {
		t.Fatal(err)
	}
	var fields []string
	_, err = fibermsal.Open(cfg)
	for _, problem := range joined(err) {
		var wrong *fibermsal.ConfigError
		if errors.As(problem, &wrong) {
			fields = append(fields, wrong.Field)
		}
	}
	if !slices.Equal(fields, []string{"ClientSecret", "Keys"}) {
		t.Errorf("%v", err)
	}
}

func TestF4_PrintingAConfigOfTheEnvironmentShowsNoSecret(t *testing.T) {
	cfg, err := withEnv(t, completeEnv(t))
	if err != nil {
		t.Fatal(err)
	}
	marshalled, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	decimals := strings.Trim(fmt.Sprintf("%d", testKey(1)), "[]")
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s", cfg, cfg, cfg, cfg), fmt.Sprintf("%v %#v", &cfg, &cfg), string(marshalled), cfg.LogValue().String()} {
		if strings.Contains(text, "secret-canary") || strings.Contains(text, encoded(1)) || strings.Contains(text, decimals) {
			t.Errorf("a secret is shown: %s", text)
		}
	}
}

// A new user who starts the quick start without changes must see which variables are missing.
func TestConfigFromEnv_WhatIsMissingIsNamedAsAVariable(t *testing.T) {
	t.Setenv("AZURE_FEDERATED_TOKEN_FILE", "")
	cfg, err := withEnv(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	valid := cfg.ValidateEnv("FMTEST")
	for _, name := range []string{"CLIENT_ID is required", "CLIENT_SECRET is required, or FMTEST_CERTIFICATE_FILE,", "TENANT_ID is required, or FMTEST_AUTHORITY instead", "PUBLIC_URL is required"} {
		if valid == nil || !strings.Contains(valid.Error(), "fibermsal: FMTEST_"+name) || strings.Contains(valid.Error(), "Config.") || strings.Contains(valid.Error(), "Credential") {
			t.Errorf("%v", valid)
		}
	}
	_, opened := fibermsal.Open(cfg)
	for what, err := range map[string]error{"Open": opened, "New": recovered(func() { fibermsal.New(cfg) })} {
		if err == nil || !strings.Contains(err.Error(), "Config.ClientID: is required") || !strings.Contains(err.Error(), "(in the environment: …_CLIENT_ID)") {
			t.Errorf("%s: %v", what, err)
		}
	}
	var wrong *fibermsal.ConfigError
	if !errors.As(valid, &wrong) || wrong.Field != "ClientID" {
		t.Errorf("%+v", wrong)
	}
	if err := configFor(newIDP(t)).ValidateEnv("FMTEST"); err != nil {
		t.Errorf("a valid one: %v", err)
	}
}

// recovered returns the error that a function panics with.
func recovered(f func()) (err error) {
	defer func() { err, _ = recover().(error) }()
	f()
	return nil
}
