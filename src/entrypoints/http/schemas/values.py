"""Numbers and texts that the shapes share."""

from typing import Annotated

from msgspec import Meta

Fraction = Annotated[float, Meta(ge=0, le=1)]
Cosine = Annotated[float, Meta(ge=-1, le=1)]
Count = Annotated[int, Meta(ge=0)]
Milliseconds = Annotated[float, Meta(ge=0, description="In milliseconds.")]
Id = Annotated[str, Meta(min_length=1, max_length=255, description="The caller's own, returned byte for byte.")]
