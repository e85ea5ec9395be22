"""Vertex AI's tuning jobs (Gemini Enterprise Agent Platform) behind the provider port, over REST.

Facts it rests on: the discovery document of aiplatform v1 and v1beta1, revision 20261106. A job has no id of the
client's choice, no change and no deletion; a tuned model is a model version, an endpoint, and one per checkpoint.
"""
