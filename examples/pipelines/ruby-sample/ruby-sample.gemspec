Gem::Specification.new do |spec|
  spec.name = "ruby-sample"
  spec.version = "1.0.0"
  spec.summary = "A sample"
  spec.authors = ["Bessemer"]
  spec.license = "Apache-2.0"
  spec.homepage = "https://example.invalid/"
  spec.files = ["lib/ruby_sample.rb"]
  spec.signing_key = "never-there.pem"
end
