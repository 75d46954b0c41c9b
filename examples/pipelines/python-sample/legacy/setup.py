from setuptools import setup

setup(name="python-sample-legacy", version="1.0.0", py_modules=["python_sample_legacy"])
