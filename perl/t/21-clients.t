# Modules on top of this one, unchanged; what is not installed is skipped.

use strict;
use warnings;
use Test::More;
use lib 't/lib';
use Tester;

my @perl = ($^X, map "-I$_", grep !ref, @INC);
my $dir = dir;
put(file('data'), 'x' x 1000);

# What a program prints, line by line; an empty list where a module is missing.
sub program {
    my ($module, $text) = @_;
    return if system "@perl -M$module -e 1 >/dev/null 2>&1";
    my $script = put(file('client.pl'), "use strict; alarm 60; my \$dir = '$dir';\n$text");
    chomp(my @lines = `@perl $script 2>&1`);
    return @lines ? @lines : 'nothing printed';
}
sub client {
    my ($module, $want, $text) = @_;
  SKIP: {
        my @got = program($module, $text) or skip "$module is not installed", 1;
        is_deeply(\@got, $want, $module) or diag join "\n", @got;
    }
}

client 'AnyEvent::AIO', ['stat 1000', 'load 1000', 'end'], <<'E';
use AnyEvent; use AnyEvent::AIO; use IO::AIO;
my $cv = AE::cv;
aio_stat "$dir/data", sub {
    print 'stat ', -s _, "\n";
    aio_load "$dir/data", my $data, sub { print "load $_[0]\n"; $cv->send };
};
$cv->recv;
print "end\n";
E

client 'AnyEvent::IO', ['AnyEvent::IO::IOAIO', 'load 1000', 'write 5', 'read hello', 'stat 5 5', 'none -',
    'dir data new', 'gone'], <<'E';
use AnyEvent; BEGIN { require AnyEvent::IO::IOAIO } use AnyEvent::IO qw(:DEFAULT :flags);
print "$AnyEvent::IO::MODEL\n";
sub wait_for(&) { my $cv = AE::cv; $_[0]->($cv); $cv->recv }
wait_for { my $cv = shift; aio_load "$dir/data", sub { print 'load ', length $_[0], "\n"; $cv->send } };
my $fh = wait_for { aio_open "$dir/new", O_CREAT | O_RDWR, 0600, $_[0] };
print 'write ', (wait_for { aio_write $fh, 'hello', $_[0] }), "\n";
wait_for { aio_seek $fh, 0, 0, $_[0] };
print 'read ', (wait_for { aio_read $fh, 10, $_[0] }), "\n";
my $size;
wait_for { my $cv = shift; aio_stat "$dir/new", sub { $size = -s _; $cv->send } };
print "stat $size ", -s _, "\n";
print 'none ', (wait_for { my $cv = shift; aio_load "$dir/none", sub { $cv->send($_[0] // '-') } }), "\n";
print 'dir ', (wait_for { my $cv = shift; aio_readdir $dir, sub { $cv->send(join ' ', sort grep !/client/, @{$_[0]}) } }),
    "\n";
wait_for { aio_unlink "$dir/new", $_[0] };
print -e "$dir/new" ? "there\n" : "gone\n";
E

client 'Coro::AIO', ['read 10', 'size 1000', 'lstat -1 No such file or directory', 'load 1000', 'scan 0 1', 'exact 50',
    'died in a coroutine'], <<'E';
use Coro; use Coro::AIO; use AnyEvent;
my $n = 0;
my $c = async {
    my $fh = aio_open "$dir/data", 0, 0 or die "open: $!";
    print 'read ', aio_read($fh, 0, 10, my $data, 0), "\n";
    aio_stat "$dir/data";
    print 'size ', -s _, "\n";
    my $status = aio_lstat "$dir/none";
    print "lstat $status $!\n";
    print 'load ', aio_load("$dir/data", $data), "\n";
    my ($dirs, $others) = aio_scandir $dir, 0;
    print 'scan ', scalar @$dirs, ' ', scalar(grep !/client/, @$others), "\n";
};
$c->join;
my @many = map { async { aio_stat "$dir/data" for 1 .. 5; $n += 5; aio_nop } } 1 .. 10;
$_->join for @many;
print "exact $n\n";
my $dies = async { aio_stat $dir; eval { die "died in a coroutine\n" }; print $@ };
$dies->join;
E

# The language server reads its requests through Coro::AIO.
SKIP: {
    skip 'Perl::LanguageServer is not installed', 1 if system "@perl -MPerl::LanguageServer -e 1 >/dev/null 2>&1";
    require IPC::Open3;
    my $pid = IPC::Open3::open3(my $in, my $out, undef, @perl, '-MPerl::LanguageServer', '-e',
        'alarm 60; Perl::LanguageServer::run');
    my $text = qq({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":$$,"rootUri":"file://$dir",)
        . qq("capabilities":{},"workspaceFolders":[{"uri":"file://$dir","name":"x"}]}});
    syswrite $in, 'Content-Length: ' . length($text) . "\r\n\r\n$text";
    my $got = '';
    1 while $got !~ /\}$/ && sysread $out, $got, 4096, length $got;
    like($got, qr/"capabilities":/, 'Perl::LanguageServer');
    kill KILL => $pid;
    waitpid $pid, 0;
}

# Perlbal serves files in its ioaio mode.
SKIP: {
    skip 'Perlbal is not installed', 4 if system "@perl -MPerlbal -e 1 >/dev/null 2>&1";
    require IO::Socket::INET;
    my $port = do {
        my $free = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or skip "no socket: $!", 4;
        $free->sockport;
    };
    put(file('perlbal.conf'), <<"E");
SERVER aio_mode = ioaio
CREATE SERVICE files
SET role = web_server
SET docroot = $dir
SET listen = 127.0.0.1:$port
SET enable_put = 1
SET enable_delete = 1
ENABLE files
E
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', file('perlbal.log');
        exec @perl, '-e', 'alarm 60; use Perlbal; Perlbal::load_config($ARGV[0], sub { print STDERR @_ }) or die;
            Perlbal::run()', file('perlbal.conf');
    }
    my $request = sub {
        my ($text) = @_;
        my $socket;
        for (1 .. 100) {
            $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) and last;
            select undef, undef, undef, 0.05;
        }
        return "no connection: $!" unless $socket;
        print $socket $text;
        local $/;
        return scalar <$socket>;
    };
    my $got = $request->("GET /data HTTP/1.0\r\n\r\n");
    like($got, qr/^HTTP\/1.0 200 OK/, 'Perlbal');
    like($got, qr/\r\n\r\nx{1000}$/, 'serves a file');
    like($request->("GET /none HTTP/1.0\r\n\r\n"), qr/^HTTP\/1.0 404/, 'or says that there is none');
    $request->("PUT /put HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello");
    is(content(file('put')), 'hello', 'and takes one') or diag content(file('perlbal.log'));
    kill TERM => $pid;
    waitpid $pid, 0;
}

done_testing;
