"""What the trained networks of one model say to the test images, found out in processes side by side."""

from scramble.evaluation.job import Answers, Job, Trained, View
from scramble.evaluation.mistakes import most_confident_mistakes
from scramble.evaluation.worker import evaluate

__all__ = ["Answers", "Job", "Trained", "View", "evaluate", "most_confident_mistakes"]
