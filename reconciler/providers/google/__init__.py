"""The Generative Language API's tuned models (v1beta3 and v1beta)."""
