"""Pretrained models in the layout of the Hugging Face hub, by transformers' and sentence-transformers' names.

    from gradframe.models import SentenceTransformer, pipeline

    SentenceTransformer("all-MiniLM-L6-v2").encode(["a cat", "a dog"])      # NumPy, [2, 384]
    pipeline("text-generation", "stories")("Once upon a time")

A model is a directory that holds config.json, tokenizer.json and model.safetensors, or `org/name` of the hub, in
whose cache (`HF_HOME`) it lies or is downloaded to; no code of a model is run. Names, arguments and results are those of the two libraries;
numbers come as NumPy arrays, and as PyTorch's where `return_tensors="pt"` or `convert_to_tensor=True` asks for them. An argument that
cannot be met is an `UnsupportedError` which names it. Over a column of a frame: `frame.embed(model, "text")`, `generate`, `classify`.
"""

from gradframe.models import util
from gradframe.models._auto import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)
from gradframe.models._pairs import CrossEncoder
from gradframe.models._pipelines import pipeline
from gradframe.models._sentences import SentenceTransformer
from gradframe.models._tokenizer import AutoTokenizer

__all__ = [
    "AutoModel",
    "AutoModelForCausalLM",
    "AutoModelForMaskedLM",
    "AutoModelForQuestionAnswering",
    "AutoModelForSequenceClassification",
    "AutoModelForTokenClassification",
    "AutoTokenizer",
    "CrossEncoder",
    "SentenceTransformer",
    "pipeline",
    "util",
]
