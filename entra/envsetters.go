package entra

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/authority"
)

func setText(field func(*plainConfig) *string) func(*plainConfig, string) error {
	return func(cfg *plainConfig, value string) error {
		*field(cfg) = value
		return nil
	}
}

func setList(field func(*plainConfig) *[]string) func(*plainConfig, string) error {
	return func(cfg *plainConfig, value string) error {
		*field(cfg) = split(value)
		return nil
	}
}

// split separates the items of a list. In a file, the items may be on separate lines.
func split(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
}

func setFlag(field func(*plainConfig) *bool) func(*plainConfig, string) error {
	return func(cfg *plainConfig, value string) error {
		on, err := strconv.ParseBool(value)
		if err != nil {
			return errors.New("must be true or false")
		}
		*field(cfg) = on
		return nil
	}
}

func setDuration(field func(*plainConfig) *time.Duration) func(*plainConfig, string) error {
	return func(cfg *plainConfig, value string) error {
		d, err := time.ParseDuration(value)
		if err != nil {
			return errors.New("must be a duration such as 90m or 8h")
		}
		*field(cfg) = d
		return nil
	}
}

func setNumber(field func(*plainConfig) *int) func(*plainConfig, string) error {
	return func(cfg *plainConfig, value string) error {
		n, err := strconv.Atoi(value)
		if err != nil {
			return errors.New("must be a whole number")
		}
		*field(cfg) = n
		return nil
	}
}

func setOneOf[T ~string](field func(*plainConfig) *T, values ...T) func(*plainConfig, string) error {
	return func(cfg *plainConfig, value string) error {
		if !slices.Contains(values, T(value)) {
			return fmt.Errorf("must be %s", either(values))
		}
		*field(cfg) = T(value)
		return nil
	}
}

// either joins at least two values with commas and "or".
func either[T ~string](values []T) string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = string(value)
	}
	last := len(texts) - 1
	return strings.Join(texts[:last], ", ") + " or " + texts[last]
}

// setKeys does not check the length of keys, because Open does.
func setKeys(cfg *plainConfig, value string) error {
	for i, encoded := range split(value) {
		key, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return fmt.Errorf("contains key %d, which is not valid base64; make a key with: openssl rand -base64 32", i+1)
		}
		cfg.Keys = append(cfg.Keys, key)
	}
	return nil
}

// setCertificate reads the file once, so that a mistake is reported now rather than when the first user
// signs in.
func setCertificate(cfg *plainConfig, file string) error {
	credential := CertificateFile(file)
	if _, err := credential.Credential(context.Background()); err != nil {
		return fmt.Errorf("cannot be used: %w", withoutPath(err))
	}
	cfg.Credential = credential
	return nil
}

func setFederatedToken(cfg *plainConfig, file string) error { //nolint:unparam // as all setters are
	cfg.Credential = WorkloadIdentity(file)
	return nil
}

func setWorkloadIdentity(cfg *plainConfig, value string) error {
	switch on, err := strconv.ParseBool(value); {
	case err != nil:
		return errors.New("must be true or false")
	case on && os.Getenv("AZURE_FEDERATED_TOKEN_FILE") == "":
		return errors.New("needs AZURE_FEDERATED_TOKEN_FILE, which the platform sets")
	case on:
		cfg.Credential = WorkloadIdentity("")
	}
	return nil
}

func setManagedIdentity(cfg *plainConfig, value string) error {
	if value == "system" {
		value = ""
	} else if !clientName.MatchString(value) {
		return errors.New("must be system, or the client id of an identity")
	}
	cfg.Credential = ManagedIdentity(value, cmp.Or(cfg.Cloud, authority.CloudOf(cfg.Authority)))
	return nil
}
