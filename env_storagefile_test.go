package fibermsal_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/embedded"
)

func TestConfigFromEnv_StorageFile(t *testing.T) {
	path := newStorageFile(t)
	cfg, err := withEnv(t, map[string]string{"STORAGE_FILE": path})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := cfg.Storage.(*embedded.Storage); !ok {
		t.Errorf("%T", cfg.Storage)
	}
	for name, row := range map[string]struct {
		variables map[string]string
		says      string
	}{
		"in use":     {map[string]string{"STORAGE_FILE": path}, "FMTEST_STORAGE_FILE cannot be opened: another process uses the file"},
		"and Redis":  {map[string]string{"STORAGE_FILE": newStorageFile(t), "REDIS_URL": "redis://127.0.0.1:1"}, "FMTEST_STORAGE_FILE is set together with FMTEST_REDIS_URL"},
		"directory":  {map[string]string{"STORAGE_FILE": filepath.Join(path, canary)}, "FMTEST_STORAGE_FILE cannot be opened"},
		"wrong name": {map[string]string{"STORAGE_FIL": path}, "FMTEST_STORAGE_FIL is unknown; the nearest is FMTEST_STORAGE_FILE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(envPrefix+"_STORAGE_FILE", "")
			var config *fibermsal.ConfigError
			cfg, err := withEnv(t, row.variables)
			if !errors.As(err, &config) || config.Field != "Storage" || !strings.Contains(err.Error(), row.says) || strings.Contains(err.Error(), path) || cfg.Storage != nil {
				t.Errorf("%v", err)
			}
		})
	}
}
