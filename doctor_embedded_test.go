package fibermsal_test

import (
	"io/fs"
	"os"
	"strings"
	"testing"
)

func TestDoctor_ExaminesAnEmbeddedStorage(t *testing.T) {
	t.Parallel()
	d := newDoctorTest(t)
	path := newStorageFile(t)
	d.cfg.Keys = nil
	onFile(t, path)(&d.cfg)
	if report := d.expect(); !strings.Contains(report.String(), "sessions are in "+path) {
		t.Errorf("%s", report)
	}
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	d.expect("error storage")
	copied := newStorageFile(t)
	onFile(t, copied)
	for name, open := range map[string]func(string, int, fs.FileMode) (*os.File, error){"unwritable": unwritable, "read-only": readOnly} {
		t.Run(name, func(t *testing.T) {
			d := newDoctorTest(t)
			onFailing(t, killedWithoutKey(t, copied), open)(&d.cfg)
			d.expect("error storage")
		})
	}
}
