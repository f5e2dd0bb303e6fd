# Forks, threads, several interpreters, and the end of the program.

use strict;
use warnings;
use Config;
use Test::More;
use Errno qw(ENOENT);
use Fcntl;
use lib 't/lib';
use Tester;

use IO::AIO;

my $name = put(file('file'), 'data');

# Runs in a child; what it prints.
sub child(&) {
    my ($code) = @_;
    pipe my $r, my $w or die $!;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        close $r;
        my $text = eval { $code->() } // "died: $@";
        syswrite $w, $text;
        require POSIX;
        POSIX::_exit(0);
    }
    close $w;
    my $text = do { local $/; <$r> };
    waitpid $pid, 0;
    is($?, 0, 'the child ends well');
    return $text;
}

# A program of its own: what it printed, and how it ended.
sub program {
    my ($text) = @_;
    my $script = put(file('script.pl'), "use strict; use IO::AIO; use Fcntl;\n$text\n");
    my @include = map "-I$_", grep !ref, @INC;
    open my $out, '-|', "$^X @include $script 2>&1" or die $!;
    my $printed = do { local $/; <$out> };
    close $out;
    return ($printed, $? >> 8);
}

{
    my $mine = 0;
    aio_stat $name, sub { $mine++ };
    IO::AIO::aio_busy(0.05, sub { $mine++ });
    my $fd = IO::AIO::poll_fileno;
    is(child { IO::AIO::reinit; my @got; aio_stat $name, sub { push @got, $_[0], $mine };
        IO::AIO::flush; "@got " . IO::AIO::poll_fileno }, "0 0 $fd", 'after a reinit');
    is(child { my @got; aio_stat $name, sub { push @got, $_[0], -s _ }; IO::AIO::flush; "@got $mine" }, '0 4 0',
        'without one');
    is(child { IO::AIO::flush; IO::AIO::poll_cb; IO::AIO::nreqs . " $mine" }, '0 0', "the parent's are the parent's");
    IO::AIO::flush;
    is($mine, 2, 'who gets each once');
}

{
    my ($printed, $status) = program 'aio_stat "/", sub { print "late\n" }; END { print "first\n" }';
    is($printed, "first\nlate\n", 'requests are done at the end');
    is($status, 0, 'which is a good one');
    ($printed, $status) = program 'aio_stat "/", sub { exit 3 }; IO::AIO::flush; print "no\n"';
    is("$printed$status", '3', 'exit from a callback');
    ($printed, $status) = program '$@ = "stale"; aio_nop; ';
    is("$printed$status", '0', 'an old $@ at the end');
    ($printed, $status) = program 'aio_stat "/", sub { die "at last\n" };';
    like($printed, qr/at last/, 'a callback dies at the end');
    isnt($status, 0, 'which is a bad one');
    ($printed, $status) = program 'my $g = aio_group; add $g IO::AIO::aio_busy 0.01; undef $g; print "ok"';
    is("$printed$status", 'ok0', 'objects at the end');
    ($printed, $status) = program 'IO::AIO::aio_busy 60; IO::AIO::poll_fileno; require POSIX; POSIX::_exit(5)';
    is("$printed$status", '5', 'a hard end');
    my $dies = 'die "at last\n"';
    my $never = 'aio_stat "/", sub { print "late\n" }; IO::AIO::aio_busy 0.05;';
    ($printed, $status) = program "$never \$! = 0; $dies";
    is("$printed$status", "at last\nlate\n255", 'a program dies, and its requests are done');
    ($printed, $status) = program "$never \$! = 5; $dies";
    is($status, 5, 'with its own status');
    ($printed, $status) = program qq{aio_stat "/", sub { system "exit 9"; \$! = 3 }; \$! = 5; $dies};
    is($status, 5, 'whatever callbacks do');
    ($printed, $status) = program "print \$! + 0";
    is($printed, 0, 'the module leaves no error behind');
    ($printed, $status) = program 'IO::AIO::max_parallel 0; aio_stat "/", sub { print "late\n" }';
    is("$printed$status", "late\n0", 'what max_parallel 0 has kept is done at the end');
    local $ENV{IOAIO_ROUTES} = 'none';
    ($printed, $status) = program 'aio_stat "/", sub { print "stat $_[0]" }; IO::AIO::flush';
    is("$printed$status", 'stat 00', 'with every route off');
}

SKIP: {
    skip 'this perl has no threads', 6 unless $Config{usethreads};
    require threads;
    my ($fd, $called) = (IO::AIO::poll_fileno, 0);
    my $req = IO::AIO::aio_busy(0.3, sub { $called++ });
    my $wd = of { aio_wd dir, $_[0] };
    my $got = threads->create(sub {
        my @got;
        aio_stat $name, sub { push @got, $_[0], -s _ };
        my $data;
        aio_load $name, $data, sub { push @got, $_[0] };
        IO::AIO::flush;
        return join ' ', sort(@got), $data, defined eval { $req->cancel; 1 } ? 'cancelled' : $@;
    })->join;
    is($got, '0 4 4 data cancelled', 'in a thread');
    is(IO::AIO::poll_fileno, $fd, 'whose end leaves the others alone');
    IO::AIO::flush;
    is($called, 1, 'and their requests');
    is(of { aio_stat [$wd, 'file'], $_[0] }, 0, 'directories stay open');
    my @threads = map { my $n = $_; threads->create(sub {
        my $sum = 0;
        for (1 .. 50) { aio_stat $name, sub { $sum += -s _ } }
        IO::AIO::flush;
        return $sum;
    }) } 1 .. 4;
    my $sum = 0;
    aio_stat $name, sub { $sum += -s _ } for 1 .. 50;
    IO::AIO::flush;
    is($sum, 200, 'in each thread its own');
    is(join(' ', map $_->join, @threads), '200 200 200 200', 'at the same time');
}

done_testing;
