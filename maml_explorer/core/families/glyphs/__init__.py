"""Letters, drawn by synthetic hands: few-shot image classification."""
