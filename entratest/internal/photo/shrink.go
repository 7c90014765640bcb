package photo

import (
	"image"
	"image/color"
)

// shrink scales a picture down to a square of that many pixels, averaging the pixels that fall together.
func shrink(src image.Image, pixels int) image.Image {
	b := src.Bounds()
	dst := image.NewRGBA(image.Rect(0, 0, pixels, pixels))
	for y := range pixels {
		for x := range pixels {
			dst.Set(x, y, average(src, image.Rect(
				b.Min.X+x*b.Dx()/pixels, b.Min.Y+y*b.Dy()/pixels,
				b.Min.X+(x+1)*b.Dx()/pixels, b.Min.Y+(y+1)*b.Dy()/pixels,
			)))
		}
	}
	return dst
}

func average(src image.Image, area image.Rectangle) color.Color {
	var r, g, b, n uint32
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			pr, pg, pb, _ := src.At(x, y).RGBA()
			r, g, b, n = r+pr>>8, g+pg>>8, b+pb>>8, n+1
		}
	}
	n = max(n, 1)
	return color.RGBA{uint8(r / n), uint8(g / n), uint8(b / n), 255} // #nosec G115 -- averages of bytes
}
