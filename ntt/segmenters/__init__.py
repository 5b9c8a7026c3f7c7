"""Image -> class-agnostic proposals: frozen promptable segmenters that say where an object's borders are."""
