"""Models, in the box and by configuration: speech, OCR, embeddings, vision, language, voice."""
