// Package photo scales the photos of users.
package photo

import (
	"bytes"
	"image/jpeg"
)

// Resize scales a square JPEG down. Other data, and pictures that are not larger than the requested
// size, are returned unchanged.
func Resize(photo []byte, pixels int) []byte {
	picture, err := jpeg.Decode(bytes.NewReader(photo))
	if err != nil || picture.Bounds().Dx() <= pixels {
		return photo
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, shrink(picture, pixels), &jpeg.Options{Quality: 90}); err != nil {
		return photo
	}
	return out.Bytes()
}

// Width is the width of a JPEG in pixels; 0 of other data.
func Width(photo []byte) int {
	config, err := jpeg.DecodeConfig(bytes.NewReader(photo))
	if err != nil {
		return 0
	}
	return config.Width
}
