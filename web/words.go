package web

import "kalends/internal/words"

// book is what the pages say; words_test.go sees that no text is missing.
var book = words.NewBook(map[string]words.Texts{
	"de": words.Together(germanTexts, germanAccount, germanLists, germanAdmin, germanMore, germanLook, germanMove, germanFiles, germanImport, germanWebhooks),
})

// notices are what a page says after something was done, by the word in its address.
var notices = map[string]string{
	"created": "The event is in your calendar.", "changed": "The change is saved.", "deleted": "The event is deleted.",
	"answered": "Your answer is sent.", "saved": "Saved.", "removed": "Removed.", "moved": "The event is moved.",
	"proposed": "Your proposal is sent. Nothing changes before it is decided.",
	"restored": "The event is back in your calendar.",
	"accepted": "The calendar is among yours now, here and in your programs.", "declined": "Declined. You can take it later, as long as it is shared with you.",
	"left": "The calendar is gone from yours.", "subscribed": "The calendar is there. It is looked at now and then by itself.", "refreshed": "It is as it is there now.",
	"asked": "The organizer is asked. What they answer changes the meeting by itself.",
}

func notice(v *words.Voice, word string) string {
	if text, ok := notices[word]; ok {
		return v.T(text)
	}
	return ""
}
