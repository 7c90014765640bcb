// Portraits draws the photos of the emulator's sample users into the given directory.
// They are drawings so that no real face is used.
//
//	go run ./internal/portraits photos
package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
)

const (
	size    = 432
	samples = 4 // per pixel and direction, for smooth edges
	quality = 88
)

type rgb struct{ r, g, b float64 }

func hex(v uint32) rgb {
	return rgb{float64(v >> 16 & 255), float64(v >> 8 & 255), float64(v & 255)}
}

func mix(a, b rgb, t float64) rgb {
	return rgb{a.r + (b.r-a.r)*t, a.g + (b.g-a.g)*t, a.b + (b.b-a.b)*t}
}

type hairstyle int

const (
	short hairstyle = iota
	long
	bob
	bun
	curly
	sidePart
)

// look contains the features in which the persons differ.
type look struct {
	top, bottom, skin, hair, shirt uint32
	style                          hairstyle
	beard, glasses                 bool
}

var people = map[string]look{
	"adele":   {0xffd9a0, 0xf78ca0, 0xf3c9a5, 0x6b3a1e, 0x2a5caa, long, false, false},
	"alex":    {0xa1e3d8, 0x4aa3c7, 0xe8b48c, 0x3b2a20, 0xf2b84b, short, true, false},
	"diego":   {0xfbe29d, 0xe58c4a, 0xc98d62, 0x1f1612, 0x2f6f5e, sidePart, true, false},
	"grady":   {0xc6d8ff, 0x7d8be0, 0xf1c6a4, 0xb5651d, 0x3d3f55, short, false, true},
	"johanna": {0xd7f0c4, 0x6dbb8c, 0xf6d3b3, 0xd9a441, 0x7b3f73, bob, false, true},
	"lee":     {0xf8c8dc, 0xa975c9, 0xeebf95, 0x17130f, 0x1d4e63, short, false, false},
	"megan":   {0xbfe8ff, 0x6a9be8, 0x9a6643, 0x20150f, 0xe0566f, curly, false, false},
	"miriam":  {0xffe0c7, 0xd9787c, 0xd9a179, 0x2b1b14, 0x285e7a, bun, false, false},
	"nestor":  {0xd9d4f7, 0x8674c9, 0x8a5a3b, 0x120d0a, 0xe8e2d4, short, true, true},
	"patti":   {0xc9f2ea, 0x3f9c94, 0xc68e65, 0x2a1810, 0x8c2f45, bob, false, false},
}

// ellipse returns the position of a point relative to an ellipse: below 1 is inside.
func ellipse(x, y, cx, cy, rx, ry float64) float64 {
	return math.Hypot((x-cx)/rx, (y-cy)/ry)
}

// at gives the colour at a point of the unit square.
func (l look) at(x, y float64) rgb {
	c := mix(hex(l.top), hex(l.bottom), (y*0.8+x*0.2)*1.0)
	if ellipse(x, y, 0.5, 0.47, 0.40, 0.40) < 1 { // a halo that lifts the head off the background
		c = mix(c, rgb{255, 255, 255}, 0.20)
	}
	skin, hair, shirt := hex(l.skin), hex(l.hair), hex(l.shirt)
	if l.behind(x, y) {
		c = mix(hair, rgb{}, 0.18)
	}
	if ellipse(x, y, 0.5, 1.04, 0.37, 0.30) < 1 {
		c = mix(shirt, rgb{}, 0.25*math.Abs(x-0.5))
	}
	if inNeck := math.Abs(x-0.5) < 0.075 && y > 0.56 && y < 0.765; inNeck || ellipse(x, y, 0.5, 0.755, 0.105, 0.065) < 1 {
		c = mix(skin, rgb{}, 0.12)
	}
	if ellipse(x, y, 0.315, 0.475, 0.030, 0.045) < 1 || ellipse(x, y, 0.685, 0.475, 0.030, 0.045) < 1 {
		c = mix(skin, rgb{}, 0.10)
	}
	if l.face(x, y) {
		c = l.features(x, y, skin, hair)
	}
	if l.front(x, y) {
		c = mix(hair, rgb{255, 255, 255}, 0.10*math.Max(0, 0.45-y))
	}
	return c
}

func (l look) face(x, y float64) bool { return ellipse(x, y, 0.5, 0.455, 0.185, 0.225) < 1 }

// behind is hair that falls behind the head.
func (l look) behind(x, y float64) bool {
	switch l.style {
	case long:
		return ellipse(x, y, 0.5, 0.42, 0.25, 0.27) < 1 || (math.Abs(x-0.5) < 0.25-0.05*(y-0.42) && y > 0.42 && y < 0.80)
	case bob:
		return ellipse(x, y, 0.5, 0.42, 0.24, 0.25) < 1 || (math.Abs(x-0.5) < 0.24 && y > 0.42 && y < 0.64)
	case bun:
		return ellipse(x, y, 0.5, 0.155, 0.085, 0.08) < 1 || ellipse(x, y, 0.5, 0.40, 0.215, 0.22) < 1
	case curly:
		for i := range 17 {
			a := math.Pi * (0.86 + 1.28*float64(i)/16)
			if ellipse(x, y, 0.5+0.215*math.Cos(a), 0.42+0.225*math.Sin(a), 0.085, 0.085) < 1 {
				return true
			}
		}
		return ellipse(x, y, 0.5, 0.42, 0.23, 0.23) < 1
	case short, sidePart:
		return ellipse(x, y, 0.5, 0.385, 0.200, 0.195) < 1
	default:
		return false
	}
}

// front is hair that lies on the forehead.
func (l look) front(x, y float64) bool {
	if ellipse(x, y, 0.5, 0.40, 0.205, 0.205) >= 1 {
		return false
	}
	switch l.style {
	case long, bob:
		return ellipse(x, y, 0.62, 0.50, 0.265, 0.215) >= 1 && y < 0.44
	case sidePart:
		return y < 0.335-0.32*(x-0.42)*(x-0.42)*6+0.10*(0.5-x)
	case bun:
		return ellipse(x, y, 0.5, 0.50, 0.200, 0.205) >= 1 && y < 0.42
	case curly:
		return y < 0.325+0.018*math.Sin(x*70)
	case short:
		return y < 0.32+0.9*(x-0.5)*(x-0.5)
	default:
		return false
	}
}

// features returns the colour at a point of the face.
func (l look) features(x, y float64, skin, hair rgb) rgb {
	c := mix(skin, rgb{255, 255, 255}, 0.08*math.Max(0, 1-ellipse(x, y, 0.45, 0.40, 0.2, 0.2)))
	if ellipse(x, y, 0.385, 0.535, 0.045, 0.028) < 1 || ellipse(x, y, 0.615, 0.535, 0.045, 0.028) < 1 {
		c = mix(c, rgb{226, 90, 90}, 0.16)
	}
	if l.beard && y > 0.50 && ellipse(x, y, 0.5, 0.465, 0.150, 0.155) > 1 {
		c = mix(hair, skin, 0.15)
	}
	if l.beard && ellipse(x, y, 0.5, 0.545, 0.075, 0.020) < 1 && y < 0.55 {
		c = mix(hair, skin, 0.15)
	}
	for _, side := range []float64{-1, 1} {
		eye := 0.5 + side*0.075
		if ellipse(x, y, eye, 0.455, 0.017, 0.021) < 1 {
			c = rgb{43, 33, 30}
		}
		if ellipse(x, y, eye-0.005, 0.448, 0.005, 0.006) < 1 {
			c = rgb{255, 255, 255}
		}
		brow := 0.408 + 1.6*(x-eye)*(x-eye)
		if math.Abs(x-eye) < 0.040 && math.Abs(y-brow) < 0.0075 {
			c = mix(hair, rgb{}, 0.15)
		}
		if d := ellipse(x, y, eye, 0.455, 0.058, 0.052); l.glasses && d < 1 && d > 0.84 {
			c = rgb{52, 56, 70}
		}
	}
	if l.glasses && math.Abs(x-0.5) < 0.020 && math.Abs(y-0.450) < 0.005 {
		c = rgb{52, 56, 70}
	}
	if nose := 0.505 + 0.008*math.Cos((x-0.5)*90); math.Abs(x-0.5) < 0.018 && math.Abs(y-nose) < 0.005 {
		c = mix(skin, rgb{90, 40, 20}, 0.35)
	}
	if ellipse(x, y, 0.5, 0.560, 0.062, 0.045) < 1 && y > 0.565 {
		c = rgb{255, 250, 246}
		if ellipse(x, y, 0.5, 0.553, 0.062, 0.042) > 1 {
			c = rgb{176, 72, 70}
		}
	}
	return c
}

func (l look) draw() image.Image {
	img := image.NewRGBA(image.Rect(0, 0, size, size))
	for py := range size {
		for px := range size {
			var sum rgb
			for i := range samples * samples {
				x := (float64(px) + (float64(i%samples)+0.5)/samples) / size
				y := (float64(py) + (float64(i/samples)+0.5)/samples) / size
				c := l.at(x, y)
				sum.r, sum.g, sum.b = sum.r+c.r, sum.g+c.g, sum.b+c.b
			}
			n := float64(samples * samples)
			img.Set(px, py, color.RGBA{uint8(sum.r / n), uint8(sum.g / n), uint8(sum.b / n), 255})
		}
	}
	return img
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: portraits <directory>")
		os.Exit(2)
	}
	for name, l := range people {
		var out bytes.Buffer
		err := jpeg.Encode(&out, l.draw(), &jpeg.Options{Quality: quality})
		if err == nil {
			err = os.WriteFile(filepath.Join(os.Args[1], name+".jpg"), out.Bytes(), 0o644) // #nosec G306 G703 -- pictures for the repository
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "portraits:", err)
			os.Exit(1)
		}
	}
}
