package vdir

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Names of what we write beside the files of a vdir. Both are hidden: programs that read calendars leave them alone.
const (
	PropertiesFile    = ".kalends.json" // in a calendar's folder
	AttachmentsFolder = ".attachments"  // beside the calendars' folders: ID/NAME, where ID is the MANAGED-ID of an attachment
)

// maxProperties bounds a PropertiesFile in octets: descriptions and time zones may be long.
const maxProperties = 256 << 10

// Properties are what vdir has no place for.
type Properties struct {
	Description  string   `json:"description,omitempty"`
	Order        string   `json:"order,omitempty"`
	Components   []string `json:"components,omitempty"` // that the calendar takes; empty for any
	TimeZone     string   `json:"timeZone,omitempty"`   // IANA name
	TimeZoneText string   `json:"timeZoneText,omitempty"`
	Free         bool     `json:"free,omitempty"` // what is in it makes nobody busy
	Team         bool     `json:"team,omitempty"`
	TimedAlarm   string   `json:"timedAlarm,omitempty"` // by default, such as EMAIL -PT30M
	DayAlarm     string   `json:"dayAlarm,omitempty"`
}

// Text returns the text of a PropertiesFile.
func (p *Properties) Text() ([]byte, error) {
	text, err := json.MarshalIndent(p, "", "  ")
	return append(text, '\n'), err
}

// Properties returns what a folder says of its calendar; nil where it says nothing. What is in it is whatever its author wrote.
func (d *Folder) Properties() (*Properties, error) {
	if d.more == nil {
		return nil, nil
	}
	text, err := d.more.Read(maxProperties)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", PropertiesFile, err)
	}
	p := &Properties{}
	if err := json.Unmarshal(text, p); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			err = fmt.Errorf("not valid JSON at octet %d", syntax.Offset)
		} else {
			err = errors.New("not as Kalends writes it")
		}
		return nil, fmt.Errorf("%s: %w", PropertiesFile, err)
	}
	return p, nil
}

// DirAttachments returns the files of a folder's [AttachmentsFolder], by ID.
func DirAttachments(root fs.FS) (map[string]File, error) {
	found := map[string]File{}
	folders, err := fs.ReadDir(root, AttachmentsFolder)
	if errors.Is(err, fs.ErrNotExist) {
		return found, nil
	}
	for _, dir := range folders {
		if err != nil {
			break
		}
		if !dir.IsDir() {
			continue
		}
		at := path.Join(AttachmentsFolder, dir.Name())
		var files []fs.DirEntry
		if files, err = fs.ReadDir(root, at); err != nil {
			break
		}
		for _, d := range files { // by name
			if d.Type().IsRegular() && !hidden(d.Name()) {
				found[dir.Name()] = onDisk(root, path.Join(at, d.Name()), d)
				break
			}
		}
	}
	return found, err
}

// ZipAttachments is DirAttachments for an archive, in which the folder may be below others.
func ZipAttachments(r *zip.Reader) map[string]File {
	found := map[string]File{}
	for _, f := range r.File {
		p, ok := pathIn(f)
		parts := strings.Split(p, "/")
		if n := len(parts); ok && n >= 3 && parts[n-3] == AttachmentsFolder && !hidden(parts[n-1]) {
			if _, twice := found[parts[n-2]]; !twice {
				found[parts[n-2]] = packed(f, p)
			}
		}
	}
	return found
}
