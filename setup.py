"""What pyproject.toml cannot say: resources/ is installed as maml_explorer/resources."""

from setuptools import find_packages, setup

code = find_packages(include=["maml_explorer", "maml_explorer.*"])

setup(
    packages=[*code, "maml_explorer.resources"],
    package_dir={"maml_explorer.resources": "resources"},
    package_data={"maml_explorer": ["py.typed"], "maml_explorer.resources": ["**/*"]},
)
