package embedded

type middle struct{ *base }
