"""One verb, one file, one function: values and `now` in, values out. Nothing here sends, or calls another use case."""
