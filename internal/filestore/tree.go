package filestore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/fibermsal/fibermsal/internal/record"
)

// The first byte of a key separates records, the names on lists, and the values of the app's own
// middlewares, which therefore cannot access the others (threat E7).
const (
	recordKeys = "r"
	listKeys   = "l"
	appKeys    = "a"
)

const (
	fileMode = 0o600
	// format is the version of the format.
	format     = "1"
	formatName = "format"
)

var (
	// aboutBucket describes the file.
	aboutBucket = []byte("fibermsal")
	// valuesBucket holds timed values by their keys.
	valuesBucket = []byte("fibermsal.values")
	// expiriesBucket holds the keys of values that expire, behind their expiry.
	expiriesBucket = []byte("fibermsal.expiries")
)

var errNotOurs = errors.New("it lacks the parts of a session file")

// tree is the content of the file in one transaction.
type tree struct {
	values, expiries *bolt.Bucket
	changed          bool
}

func treeIn(tx *bolt.Tx) (*tree, error) {
	t := &tree{values: tx.Bucket(valuesBucket), expiries: tx.Bucket(expiriesBucket)}
	if t.values == nil || t.expiries == nil {
		return nil, errNotOurs
	}
	return t, nil
}

// stored returns a value, which is valid only during the transaction. A record or name without an
// expiry is treated as damaged.
func (t *tree) stored(key []byte) record.TimedValue {
	v := record.DecodeTimed(t.values.Get(key))
	if v.Content != nil && v.ExpiresAt.IsZero() && key[0] != appKeys[0] {
		return record.TimedValue{Content: []byte{0}} // no key opens it
	}
	return v
}

// live returns a value that has not expired, or one without content.
func (t *tree) live(key []byte) record.TimedValue {
	v := t.stored(key)
	if v.Expired() {
		return record.TimedValue{}
	}
	return v
}

// put stores a value, which never expires if it has no expiry.
func (t *tree) put(key []byte, v record.TimedValue) error {
	t.changed = true
	if before := t.stored(key); !before.ExpiresAt.IsZero() {
		if err := t.expiries.Delete(expiryKey(key, before.ExpiresAt)); err != nil {
			return err
		}
	}
	if err := t.values.Put(key, v.Encode()); err != nil || v.ExpiresAt.IsZero() {
		return err
	}
	return t.expiries.Put(expiryKey(key, v.ExpiresAt), nil)
}

// remove removes a value, if there is one.
func (t *tree) remove(key []byte) error {
	v := t.stored(key)
	if v.Content == nil {
		return nil
	}
	t.changed = true
	if err := t.values.Delete(key); err != nil || v.ExpiresAt.IsZero() {
		return err // the expiry entry of a damaged value is removed when it is due
	}
	return t.expiries.Delete(expiryKey(key, v.ExpiresAt))
}

// removeExpired removes some values that have expired, and reports whether there may be more.
func (t *tree) removeExpired(limit int) (more bool, err error) {
	var due [][]byte
	now := time.Now().UnixMilli()
	cursor := t.expiries.Cursor()
	for k, _ := cursor.First(); k != nil && len(due) < limit; k, _ = cursor.Next() {
		if expiryIn(k) > now {
			break
		}
		due = append(due, bytes.Clone(k))
	}
	for _, k := range due {
		t.changed = true
		if err := t.expiries.Delete(k); err != nil {
			return false, err
		}
		// A damaged value may have been replaced with one that expires later.
		if v := t.stored(k[8:]); v.Expired() || v.ExpiresAt.IsZero() {
			if err := t.values.Delete(k[8:]); err != nil {
				return false, err
			}
		}
	}
	return len(due) == limit, nil
}

// expiryKey sorts keys by the expiry of their values.
func expiryKey(key []byte, at time.Time) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(at.UnixMilli())), key...)
}

func expiryIn(expiryKey []byte) int64 {
	return int64(binary.BigEndian.Uint64(expiryKey)) //nolint:gosec // as expiryKey wrote it
}
