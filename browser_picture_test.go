package main

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// maxPicture is how large one of the pictures in docs/images may be, in octets.
const maxPicture = 100 << 10

// writePicture writes a picture of a page small: in the 256 colours that it has most of.
func writePicture(dir, name string, data []byte) error {
	full, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, fewColors(full)); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name+".png"), out.Bytes(), 0o644)
}

// fewColors draws a picture in its 256 most frequent colours, each other in the nearest of them.
func fewColors(full image.Image) *image.Paletted {
	box := full.Bounds()
	count := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA {
		r, g, b, _ := full.At(x, y).RGBA()
		return color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}
	}
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			count[at(x, y)]++
		}
	}
	var all []color.RGBA
	for c := range count {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b color.RGBA) int {
		if n := count[b] - count[a]; n != 0 {
			return n
		}
		return int(a.R)<<16 + int(a.G)<<8 + int(a.B) - int(b.R)<<16 - int(b.G)<<8 - int(b.B)
	})
	var palette color.Palette
	for _, c := range all[:min(len(all), 256)] {
		palette = append(palette, c)
	}
	index := map[color.RGBA]uint8{}
	for i, c := range all {
		if index[c] = uint8(i & 255); i > 255 {
			index[c] = uint8(palette.Index(c))
		}
	}
	out := image.NewPaletted(box, palette)
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			out.SetColorIndex(x, y, index[at(x, y)])
		}
	}
	return out
}

// TestPicturesAreSmall holds the pictures of the pages to a size at which everybody can keep them.
func TestPicturesAreSmall(t *testing.T) {
	files, err := filepath.Glob("docs/images/*.png")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d pictures, %v", len(files), err)
	}
	total := int64(0)
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
		if info.Size() > maxPicture {
			t.Errorf("%s has %d octets", f, info.Size())
		}
	}
	if total > 5<<20 {
		t.Errorf("all have %d octets", total)
	}
}
