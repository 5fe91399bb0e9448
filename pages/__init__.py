"""The pages of the app, one thin script each, and the parts they share."""
