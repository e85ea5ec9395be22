"""Vertex AI's side of the emulator: tuning jobs, the models and endpoints they make, operations and inference.

A world of its own beside that of the tunedModels, in the same database and under the same clock, faults and control.
Written from the discovery document of aiplatform (v1 and v1beta1, revision 20261106) and from recorded requests of
google-genai; must not import ``providers``, as the rest of the emulator.
"""
