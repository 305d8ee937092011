"""3DiMo: motion tokens read off a driving video, injected into a video transformer."""
