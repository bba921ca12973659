"""What if: the 429s of a pool at any rate, by sliders; `question` is pure, `app` has the widgets."""
